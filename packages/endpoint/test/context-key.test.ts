import { describe, expect, expectTypeOf, it } from "vitest";
import { background, callInfo, type CallInfo, type ContextKey, contextKey, text } from "../src/index.ts";

describe("contextKey", () => {
  it("is one key wherever that name is declared", () => {
    const here = contextKey<number>("@test/shared");
    const there = contextKey<number>("@test/shared");
    expect(there).not.toBe(here);
    expect(background.with(here, 7).get(there)).toBe(7);
    expect(here.id).toBe(Symbol.for("@kit/context/@test/shared"));
  });

  it("keeps keys of different names apart", () => {
    const ctx = background.with(contextKey<number>("@test/one"), 1);
    expect(ctx.get(contextKey<number>("@test/two"))).toBeUndefined();
  });

  it("takes any name for a value that stays in this process", () => {
    for (const name of ["", "@acme/auth/user", "With Spaces", "__proto__", "\ud800"]) {
      const key = contextKey<string>(name);
      expect(background.with(key, "value").get(key)).toBe("value");
    }
  });

  it.each(["tenant", "x", "x-request-priority", "b3", "a--b", "trailing-"])("takes %j for a carried value", (name) => {
    expect(contextKey(name, { carry: text })).toMatchObject({ name, carry: text });
  });

  it.each([
    "",
    "Tenant",
    "@acme/tenant",
    "ten ant",
    "tenant\n",
    "tenant\r\nx-evil",
    "-tenant",
    "1tenant",
    "tenant:",
    "tenant_id",
    "ténant",
    "\ud800",
  ])("refuses %j for a carried value, because it cannot be a header", (name) => {
    const declare = () => contextKey(name, { carry: text });
    expect(declare).toThrow(TypeError);
    expect(declare).toThrow(`contextKey: "${name}" cannot be a header`);
  });

  it("has the type of its value", () => {
    const user = contextKey<{ id: number }>("@test/user");
    expectTypeOf(user).toEqualTypeOf<ContextKey<{ id: number }>>();
    expectTypeOf(background.get(user)).toEqualTypeOf<{ id: number } | undefined>();
    expectTypeOf(contextKey("typed", { carry: text })).toEqualTypeOf<ContextKey<string>>();
    // @ts-expect-error a user is no string
    background.with(user, "7");
    // @ts-expect-error the codec is for another type
    void (() => contextKey<number>("typed", { carry: text }));
  });
});

describe("callInfo", () => {
  it("says which call this is", () => {
    const info: CallInfo = { service: "addsvc", method: "sum", transport: "http", peer: "127.0.0.1:4711" };
    expect(background.get(callInfo)).toBeUndefined();
    expect(background.with(callInfo, info).get(callInfo)).toBe(info);
    expect(callInfo.carry).toBeUndefined();
  });
});
