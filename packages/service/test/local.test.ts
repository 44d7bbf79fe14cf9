import { background, callInfo, type CallInfo, type Context, contextKey, KitError, text } from "@kit/endpoint";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { connectLocal, defineService, type EndpointsOf, implement, type LocalOptions } from "../src/index.ts";

const Echo = defineService("echo", { say: { request: z.any(), response: z.any() } });

type Say = EndpointsOf<typeof Echo>["say"];
type OnError = NonNullable<LocalOptions["onError"]>;

const connect = (say: Say, options?: LocalOptions) => connectLocal(Echo, implement(Echo, { say }), options);
const echo = connect(async (value) => value);
const silent: Say = () => new Promise(() => {});

/** The context that the handler of a call made in this one is given. */
async function seenFrom(caller: Context): Promise<Context> {
  let seen!: Context;
  const client = connect(async (_, ctx) => {
    seen = ctx;
  });
  await client.say(1, caller);
  return seen;
}

describe("connectLocal", () => {
  describe("between caller and handler", () => {
    it("takes values through JSON, where a Date becomes a string, both ways", async () => {
      const at = new Date(0);
      const say = vi.fn<Say>(async () => ({ at, gone: undefined, nan: Number.NaN, map: new Map([[1, 2]]) }));
      const answer: unknown = await connect(say).say({ at, gone: undefined, list: [undefined] }, background);
      expect(say.mock.calls[0]?.[0]).toStrictEqual({ at: "1970-01-01T00:00:00.000Z", list: [null] });
      expect(answer).toStrictEqual({ at: "1970-01-01T00:00:00.000Z", nan: null, map: {} });
    });

    it("brings back any JSON value as it was", async () => {
      await fc.assert(
        fc.asyncProperty(fc.jsonValue(), async (value) => {
          expect(JSON.stringify(await echo.say(value, background))).toBe(JSON.stringify(value));
        }),
      );
    });

    it("takes undefined for undefined, and null for null", async () => {
      const say = vi.fn<Say>(async (value) => value);
      const client = connect(say);
      expect(await client.say(undefined, background)).toBeUndefined();
      expect(await client.say(null, background)).toBeNull();
      expect(say.mock.calls.map(([value]) => value)).toEqual([undefined, null]);
    });

    it("shares no object", async () => {
      const request = { list: [1] };
      const response = { list: [1] };
      const client = connect(async (value) => {
        value.list.push(2);
        return response;
      });
      const answer = await client.say(request, background);
      answer.list.push(3);
      expect([request, response]).toEqual([{ list: [1] }, { list: [1] }]);
    });

    it("keeps keys that name a prototype as keys", async () => {
      const hostile: unknown = JSON.parse('{"__proto__":{"polluted":1}}');
      const answer: unknown = await echo.say(hostile, background);
      expect(Object.getOwnPropertyNames(answer)).toEqual(["__proto__"]);
      expect("polluted" in {}).toBe(false);
    });

    it("takes a request of some megabytes", async () => {
      const value = { text: "é".repeat(2_000_000) };
      expect(await echo.say(value, background)).toEqual(value);
    });
  });

  describe("when the handler fails", () => {
    it.each([
      ["an error", new Error("password is hunter2", { cause: new Error("hunter2") })],
      [
        "an error with a code of its own",
        Object.assign(new Error("hunter2"), { code: "not_found", details: "hunter2" }),
      ],
      ["a string", "hunter2"],
      ["nothing", undefined],
    ])("tells the caller nothing of %s, and onError all", async (_, thrown) => {
      const onError = vi.fn<OnError>();
      const call = connect(() => Promise.reject(thrown), { onError }).say(1, background);
      const error: unknown = await call.catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: "unknown", message: "internal error" });
      expect(Object.keys(error as object)).toEqual(["code"]);
      expect(error).not.toHaveProperty("cause");
      expect(onError.mock.calls).toEqual([[thrown]]);
    });

    it("brings the caller a KitError with its details and hint, but without its cause", async () => {
      const details = { at: new Date(0) };
      const thrown = new KitError("unavailable", "draining", {
        details,
        retryAfterMs: 250,
        cause: new Error("hunter2"),
        notSent: true,
      });
      const onError = vi.fn<OnError>();
      const error: unknown = await connect(() => Promise.reject(thrown), { onError })
        .say(1, background)
        .catch((cause: unknown) => cause);
      expect(error).not.toBe(thrown);
      expect(error).toMatchObject({ code: "unavailable", message: "draining", retryAfterMs: 250 });
      expect((error as KitError).details).toStrictEqual({ at: "1970-01-01T00:00:00.000Z" });
      expect(error).not.toHaveProperty("cause");
      expect(error).not.toHaveProperty("notSent");
      expect(onError.mock.calls).toEqual([[thrown]]);
    });

    it("tells the code of an error of the platform", async () => {
      const call = connect(() => Promise.reject(new DOMException("hunter2", "TimeoutError"))).say(1, background);
      await expect(call).rejects.toMatchObject({ code: "deadline_exceeded", message: "deadline_exceeded" });
    });

    it("does so where the handler throws instead of rejecting", async () => {
      const call = connect(() => {
        throw new KitError("aborted", "again");
      }).say(1, background);
      await expect(call).rejects.toMatchObject({ code: "aborted", message: "again" });
    });

    it("shows onError a request that does not fit, too", async () => {
      const Words = defineService("words", { m: { request: z.string(), response: z.any() } });
      const onError = vi.fn<OnError>();
      const client = connectLocal(Words, implement(Words, { m: async () => 1 }), { onError });
      await expect(client.m(1 as unknown as string, background)).rejects.toMatchObject({ code: "invalid_argument" });
      expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "invalid_argument" }));
    });

    it("does not bother onError where all went well", async () => {
      const onError = vi.fn<OnError>();
      await connect(async () => 1, { onError }).say(1, background);
      expect(onError).not.toHaveBeenCalled();
    });

    it("fails the call where JSON cannot say the response", async () => {
      const cycle: { self?: unknown } = {};
      cycle.self = cycle;
      for (const value of [cycle, 1n]) {
        await expect(connect(async () => value).say(1, background)).rejects.toMatchObject({ code: "unknown" });
      }
    });

    it("rejects where JSON cannot say the request", async () => {
      const say = vi.fn<Say>();
      await expect(connect(say).say(1n, background)).rejects.toBeInstanceOf(Error);
      expect(say).not.toHaveBeenCalled();
    });
  });

  describe("gives the handler a context of its own", () => {
    const tenant = contextKey("x-test-tenant", { carry: text });
    const local = contextKey<string>("@test/local/user");

    it("with the values that are carried, whatever characters they have, and no others", async () => {
      const seen = await seenFrom(background.with(tenant, "Zürich, 北京\r\n%").with(local, "ada"));
      expect(seen.get(tenant)).toBe("Zürich, 北京\r\n%");
      expect(seen.get(local)).toBeUndefined();
    });

    it("without a value that the caller has not set", async () => {
      expect((await seenFrom(background)).get(tenant)).toBeUndefined();
    });

    it("that says which call it is", async () => {
      const caller = background.with<CallInfo>(callInfo, { service: "gateway", method: "in", transport: "http" });
      expect((await seenFrom(caller)).get(callInfo)).toEqual({ service: "echo", method: "say", transport: "local" });
    });

    it("for each call, so that two at a time do not see each other's", async () => {
      const client = connect(async (_, ctx) => ctx.get(tenant));
      const calls = ["a", "b", "c"].map((name) => client.say(1, background.with(tenant, name)));
      expect(await Promise.all(calls)).toEqual(["a", "b", "c"]);
    });

    it("that ends with the call", async () => {
      expect((await seenFrom(background)).cancelled).toMatchObject({ code: "canceled" });
    });
  });

  describe("when the caller stops waiting", () => {
    beforeEach(() => {
      vi.useFakeTimers({ now: 1_000_000 });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it("gives the handler the caller's deadline, or none", async () => {
      const say = vi.fn<Say>(async (_, ctx) => ctx.deadline ?? "none");
      const client = connect(say);
      using caller = background.withTimeout(250);
      expect(await client.say(1, caller)).toBe(1_000_250);
      expect(await client.say(1, background)).toBe("none");
    });

    it("ends the handler's context at the deadline", async () => {
      const heard = vi.fn<(cause: Error) => void>();
      const client = connect((_, ctx) => {
        ctx.onCancel(heard);
        return silent(_, ctx);
      });
      using caller = background.withTimeout(250);
      const answer = Promise.allSettled([client.say(1, caller)]);
      await vi.advanceTimersByTimeAsync(249);
      expect(heard).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(heard).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "deadline_exceeded" }));
      expect(await answer).toMatchObject([{ reason: { code: "deadline_exceeded" } }]);
    });

    it("answers at the deadline though the handler pays no heed", async () => {
      using caller = background.withTimeout(250);
      const answer = Promise.allSettled([connect(silent).say(1, caller)]);
      await vi.advanceTimersByTimeAsync(250);
      expect(await answer).toMatchObject([{ reason: { code: "deadline_exceeded" } }]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it("ends the handler's context with the caller's, and answers though the handler pays no heed", async () => {
      const heard = vi.fn<(cause: Error) => void>();
      const client = connect((_, ctx) => {
        ctx.onCancel(heard);
        return silent(_, ctx);
      });
      using caller = background.withCancel();
      const answer = client.say(1, caller);
      caller.cancel();
      expect(heard).toHaveBeenCalledTimes(1);
      await expect(answer).rejects.toMatchObject({ code: "canceled" });
    });

    it("shows the end to a handler that asks for a signal", async () => {
      let signal!: AbortSignal;
      const client = connect((_, ctx) => {
        signal = ctx.signal;
        return silent(_, ctx);
      });
      using caller = background.withCancel();
      const answer = client.say(1, caller);
      expect(signal.aborted).toBe(false);
      caller.cancel();
      expect(signal.aborted).toBe(true);
      await expect(answer).rejects.toMatchObject({ code: "canceled" });
    });

    it.each([
      ["cancelled", "canceled", () => background.withCancel()],
      ["past its deadline", "deadline_exceeded", () => background.withTimeout(0)],
    ] as const)("does not call the handler from a context that is %s", async (how, code, make) => {
      const say = vi.fn<Say>();
      const caller = make();
      if (how === "cancelled") caller.cancel();
      await expect(connect(say).say(1, caller)).rejects.toMatchObject({ code });
      expect(say).not.toHaveBeenCalled();
    });

    it("cannot end the caller's context from the handler's", async () => {
      using caller = background.withCancel();
      const client = connect(async (_, ctx) => {
        ctx.withCancel().cancel();
        return 1;
      });
      expect(await client.say(1, caller)).toBe(1);
      expect(caller.cancelled).toBeUndefined();
    });

    // A context keeps its deadline's timer only while somebody listens, so no timer means no listener.
    it.each<[string, Say]>([
      ["answers", async () => 1],
      ["fails", () => Promise.reject(new Error("failed"))],
      [
        "throws",
        () => {
          throw new Error("failed");
        },
      ],
      ["answers what JSON cannot say", async () => 1n],
    ])("leaves no timer and no listener when the handler %s", async (_, outcome) => {
      using caller = background.withTimeout(250);
      const client = connect((value, ctx) => {
        ctx.onCancel(() => {});
        return outcome(value, ctx);
      });
      const answer = client.say(1, caller);
      expect(vi.getTimerCount()).toBeGreaterThan(0);
      await Promise.allSettled([answer]);
      expect(vi.getTimerCount()).toBe(0);
      expect(caller.cancelled).toBeUndefined();
    });
  });

  describe("with a method's timeoutMs", () => {
    beforeEach(() => {
      vi.useFakeTimers({ now: 1_000_000 });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    const Slow = defineService("slow", { m: { request: z.any(), response: z.any(), timeoutMs: 250 } });

    it("answers a caller without a deadline in time", async () => {
      const client = connectLocal(Slow, implement(Slow, { m: silent }));
      const answer = Promise.allSettled([client.m(1, background)]);
      await vi.advanceTimersByTimeAsync(250);
      expect(await answer).toMatchObject([{ reason: { code: "deadline_exceeded" } }]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it("shows the handler the nearer of the two deadlines", async () => {
      const client = connectLocal(Slow, implement(Slow, { m: async (_, ctx) => ctx.deadline }));
      using near = background.withTimeout(100);
      using far = background.withTimeout(1000);
      expect(await client.m(1, background)).toBe(1_000_250);
      expect(await client.m(1, near)).toBe(1_000_100);
      expect(await client.m(1, far)).toBe(1_000_250);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  it("refuses a service without all of its endpoints", () => {
    expect(() => connectLocal(Echo, {} as EndpointsOf<typeof Echo>)).toThrow(
      expect.objectContaining({ name: "TypeError", message: expect.stringContaining("echo.say has no endpoint") }),
    );
  });

  it("has its methods as its own members, and nothing to close", async () => {
    expect(Reflect.ownKeys(echo)).toEqual(["say"]);
    await echo[Symbol.asyncDispose]();
    await echo[Symbol.asyncDispose]();
  });
});
