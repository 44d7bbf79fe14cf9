import { background, chain, type Endpoint, KitError } from "@kit/endpoint";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { guarded, openRefusal } from "../src/index.ts";
import { fixedBreaker, refused, type Told } from "./fixed-circuit.ts";

const failure = new Error("tragedy+disaster");
const greet = async ({ name }: { name: string }): Promise<string> => `hello ${name}`;

describe("circuitBreaker", () => {
  it("tells the circuit of a success and of a failure, and hands on both", async () => {
    const breaker = fixedBreaker("any");
    await expect(breaker(greet)({ name: "Ada" }, background)).resolves.toBe("hello Ada");
    await expect(breaker(() => Promise.reject(failure))({}, background)).rejects.toBe(failure);
    expect(breaker.counts).toEqual(["succeeded", ["failed", failure]]);
  });

  it("counts an error that is thrown before there is a promise", () => {
    const breaker = fixedBreaker("any");
    const throws: Endpoint = () => {
      throw failure;
    };
    expect(() => breaker(throws)({}, background)).toThrow(failure);
    expect(breaker.counts).toEqual([["failed", failure]]);
  });

  it("does not call the endpoint when the circuit lets nothing through", async () => {
    const endpoint = vi.fn<typeof greet>(greet);
    const breaker = fixedBreaker("any", { isOpen: true });
    await expect(breaker(endpoint)({ name: "Ada" }, background)).rejects.toBe(refused);
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("asks whether an error counts, with the call's context", async () => {
    const isExcluded = vi.fn<(error: unknown, ctx: unknown) => boolean>(() => true);
    const breaker = fixedBreaker("any", { isExcluded });
    const ctx = background.withTimeout(60_000);
    await expect(breaker(() => Promise.reject(failure))({}, ctx)).rejects.toBe(failure);
    expect(isExcluded.mock.calls).toEqual([[failure, ctx]]);
    expect(breaker.counts).toEqual(["excluded"]);
  });

  it("does not count a call whose context is over, open or not", async () => {
    const ctx = background.withDeadline(Date.now() - 1);
    for (const isOpen of [false, true]) {
      const breaker = fixedBreaker("any", { isOpen });
      await expect(breaker(greet)({ name: "Ada" }, ctx)).rejects.toMatchObject({ code: "deadline_exceeded" });
      expect(breaker.counts).toEqual([]);
    }
  });

  it("counts a response that carries a failure as a success, as go-kit's", async () => {
    const breaker = fixedBreaker("any");
    await breaker(async () => ({ failed: () => failure }))({}, background);
    expect(breaker.counts).toEqual(["succeeded"]);
  });

  it("counts a stream when it is opened, and not what becomes of it", async () => {
    const breaker = fixedBreaker("any");
    async function* numbers(): AsyncGenerator<number> {
      yield 1;
      throw failure;
    }
    const items = await breaker(async () => numbers())({}, background);
    expect(breaker.counts).toEqual(["succeeded"]);
    await expect(drain(items)).rejects.toBe(failure);
    expect(breaker.counts).toEqual(["succeeded"]);
  });

  it("is a middleware with a name, a state and counts, which keeps the endpoint's types", () => {
    const breaker = fixedBreaker("billing");
    expect([breaker.name, breaker.state, breaker.counts]).toEqual(["billing", "closed", []]);
    expectTypeOf(breaker.counts).toEqualTypeOf<Told>();
    expectTypeOf(chain(breaker, fixedBreaker("other"))(greet)).toEqualTypeOf<Endpoint<{ name: string }, string>>();
  });
});

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

describe("allow", () => {
  it("lets a call through in two steps, and takes its outcome once", () => {
    const breaker = fixedBreaker("any");
    const outcomes = [undefined, failure, new KitError("not_found", "none")];
    for (const outcome of outcomes) {
      const done = breaker.allow();
      done(outcome);
      done(failure);
    }
    expect(breaker.counts).toEqual(["succeeded", ["failed", failure], "excluded"]);
  });

  it("throws the refusal", () => {
    expect(() => fixedBreaker("any", { isOpen: true }).allow()).toThrow(refused);
  });
});

describe("openRefusal", () => {
  it("is one error that says what is left when it is read, without a stack", () => {
    let remaining = 1_500.2;
    const error = openRefusal("open", () => remaining);
    expect(error).toMatchObject({ code: "unavailable", message: "open", retryAfterMs: 1_501, notSent: true });
    remaining = -3;
    expect(error.retryAfterMs).toBe(0);
    expect(error.stack).not.toContain(" at ");
  });
});

describe("guarded", () => {
  it("makes what a callback throws an uncaught exception, and goes on", async () => {
    const others = process.rawListeners("uncaughtException");
    const uncaught = vi.fn<(error: unknown) => void>();
    process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught);
    try {
      const isEven = guarded((n: number) => {
        if (n < 0) throw failure;
        return n % 2 === 0;
      }, false);
      expect([isEven(2), isEven(3), isEven(-2)]).toEqual([true, false, false]);
      await vi.waitUntil(() => uncaught.mock.calls.length > 0);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener as () => void);
    }
    expect(uncaught.mock.calls.map(([error]) => error)).toEqual([failure]);
  });
});
