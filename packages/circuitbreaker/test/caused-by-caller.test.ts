import { background, type Code, codes, KitError, refusal } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { causedByCaller } from "../src/index.ts";

const counted = new Set<Code>(["unknown", "deadline_exceeded", "internal", "unavailable", "data_loss"]);

describe("causedByCaller", () => {
  it.each(Object.keys(codes) as Code[])("decides on %s", (code) => {
    expect(causedByCaller(new KitError(code, "any"), background)).toBe(!counted.has(code));
  });

  it("holds an error that is no KitError against the callee, and an abort not", () => {
    expect(causedByCaller(new Error("plain"), background)).toBe(false);
    expect(causedByCaller(undefined, background)).toBe(false);
    expect(causedByCaller(new DOMException("left", "AbortError"), background)).toBe(true);
    expect(causedByCaller(new DOMException("late", "TimeoutError"), background)).toBe(false);
  });

  it("does not hold against the callee what the context was cancelled with, whatever it is", () => {
    for (const cause of [new Error("the user left"), refusal("unavailable", "the client is closed")]) {
      const ctx = background.withCancel();
      expect(causedByCaller(cause, ctx)).toBe(false);
      ctx.cancel(cause);
      expect(causedByCaller(cause, ctx)).toBe(true);
      expect(causedByCaller(new Error("another"), ctx)).toBe(false);
    }
  });

  it("holds a deadline that has passed against the callee", () => {
    const ctx = background.withDeadline(Date.now() - 1);
    expect(causedByCaller(ctx.cancelled, ctx)).toBe(false);
  });
});
