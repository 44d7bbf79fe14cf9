import { background, type Endpoint } from "@kit/endpoint";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { guardClient } from "../src/index.ts";
import { fixedBreaker, refused } from "./fixed-circuit.ts";

function client(): { sum: Endpoint<number, number>; negate: Endpoint<number, number> } & AsyncDisposable {
  return Object.assign(Object.create({ [Symbol.asyncDispose]: vi.fn<() => Promise<void>>(async () => {}) }), {
    sum: async (n: number) => n + 1,
    negate: async (n: number) => -n,
  });
}

describe("guardClient", () => {
  it("wraps every method in the one breaker, and has no other members", async () => {
    const breaker = fixedBreaker("any");
    const guarded = guardClient(client(), breaker);
    expectTypeOf(guarded).toEqualTypeOf<ReturnType<typeof client>>();
    expect([await guarded.sum(1, background), await guarded.negate(1, background)]).toEqual([2, -1]);
    expect(breaker.counts).toEqual(["succeeded", "succeeded"]);
    expect(Object.keys(guarded)).toEqual(["sum", "negate"]);
  });

  it("refuses by an open breaker", async () => {
    const guarded = guardClient(client(), fixedBreaker("any", { isOpen: true }));
    await expect(guarded.sum(1, background)).rejects.toBe(refused);
  });

  it("disposes the client that it wraps", async () => {
    const inner = client();
    await guardClient(inner, fixedBreaker("any"))[Symbol.asyncDispose]();
    expect(inner[Symbol.asyncDispose]).toHaveBeenCalledOnce();
  });
});
