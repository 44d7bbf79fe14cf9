import { background, extract, inject } from "@kit/endpoint";
import { attempt } from "@kit/lb";
import { describe, expect, it } from "vitest";
import { attemptOf } from "../src/index.ts";

describe("attemptOf", () => {
  it("is what @kit/lb has counted, from the second attempt on", () => {
    expect([1, 2, 3].map((count) => attemptOf(background.with(attempt, count)))).toEqual([undefined, 2, 3]);
    expect(attemptOf(background)).toBeUndefined();
  });

  it("is known on the other side of a wire", () => {
    const headers = new Map<string, string>();
    inject(background.with(attempt, 2), (name, value) => void headers.set(name, value));
    expect(attemptOf(extract(background, (name) => headers.get(name)))).toBe(2);
  });

  it.for(["", "0", "-1", "1.5", "2e3", "9999999999", "two"])("does not take %j from a stranger", (sent) => {
    expect(attemptOf(extract(background, (name) => (name === "attempt" ? sent : undefined)))).toBeUndefined();
  });
});
