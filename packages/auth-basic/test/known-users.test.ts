import { background } from "@kit/endpoint";
import { timingSafeEqual } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { knownUsers } from "../src/index.ts";

// Watched, not replaced.
vi.mock("node:crypto", { spy: true });

describe("knownUsers", () => {
  const verify = knownUsers({ ada: "lovelace", grace: "hopper" });
  const check = (user: string, password: string): boolean => verify(user, password, background);

  it("knows each user by the user's own password", () => {
    expect([check("ada", "lovelace"), check("grace", "hopper")]).toEqual([true, true]);
    expect([check("ada", "hopper"), check("eve", "lovelace"), check("", ""), check("ad", "alovelace")]).toEqual(
      Array(4).fill(false),
    );
  });

  it("knows nobody by a name that every object has", () => {
    for (const user of ["__proto__", "constructor", "toString"]) expect(check(user, "undefined")).toBe(false);
  });

  it("compares once a check, in constant time and at one length, whoever it is", () => {
    const compare = vi.mocked(timingSafeEqual).mockClear();
    check("ada", "lovelace");
    check("ada", "x");
    check("eve", "x");
    check("e".repeat(1_000), "");
    const lengths = compare.mock.calls.flatMap(([a, b]) => [a.byteLength, b.byteLength]);
    expect(lengths).toEqual(Array(8).fill(64));
  });

  it.each([
    [{ "a:b": "x" }, 'knownUsers: a user must not contain a colon, got "a:b"'],
    [{ a: "x\n" }, "knownUsers: user and password must not contain control characters"],
  ])("refuses %o by name", (users, message) => {
    expect(() => knownUsers(users)).toThrow(new TypeError(message));
  });
});
