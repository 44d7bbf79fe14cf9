import { background, codeOf, type Context, type Endpoint } from "@kit/endpoint";
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConcurrencyLimit, concurrencyLimit } from "../src/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const settled = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(0));

/** An endpoint whose calls end when they are told to. */
function held(): { endpoint: Endpoint<string, string>; begun: string[]; end(name: string, error?: Error): void } {
  const ends = new Map<string, (error?: Error) => void>();
  const begun: string[] = [];
  return {
    begun,
    endpoint: (name) =>
      new Promise((resolve, reject) => {
        begun.push(name);
        ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
      }),
    end: (name, error) => ends.get(name)!(error),
  };
}

const state = ({ running, waiting }: ConcurrencyLimit): object => ({ running, waiting });

describe("concurrencyLimit", () => {
  it("has the limit under way, and the next one begin when one is done, in order", async () => {
    const { endpoint, begun, end } = held();
    const limit = concurrencyLimit({ limit: 2 });
    const limited = limit(endpoint);
    const calls = ["a", "b", "c", "d"].map((name) => limited(name, background));
    expect(begun).toEqual(["a", "b"]);
    expect(state(limit)).toEqual({ running: 2, waiting: 2 });
    end("b");
    await settled();
    expect(begun).toEqual(["a", "b", "c"]);
    end("a");
    await settled();
    for (const name of ["c", "d"]) end(name);
    expect(await Promise.all(calls)).toEqual(["a", "b", "c", "d"]);
    expect(state(limit)).toEqual({ running: 0, waiting: 0 });
  });

  it("has the next one begin also when a call fails or throws", async () => {
    const { endpoint, begun, end } = held();
    const limit = concurrencyLimit({ limit: 1 });
    const failing = limit(endpoint)("a", background);
    const next = limit(endpoint)("b", background);
    end("a", new Error("failed"));
    await expect(failing).rejects.toThrow("failed");
    expect(begun).toEqual(["a", "b"]);
    end("b");
    await next;
    const throwing = limit(() => {
      throw new Error("thrown");
    });
    expect(() => throwing({}, background)).toThrow("thrown");
    expect(state(limit)).toEqual({ running: 0, waiting: 0 });
  });

  it("refuses when as many wait as may, without a stack", async () => {
    const { endpoint } = held();
    const limited = concurrencyLimit({ limit: 1, maxWaiting: 1 })(endpoint);
    void limited("a", background);
    void limited("b", background);
    const error: Error = await limited("c", background).then(
      () => expect.unreachable(),
      (e) => e,
    );
    expect(error).toMatchObject({ code: "resource_exhausted", message: "concurrency limit exceeded" });
    expect(error.stack).not.toContain(" at ");
  });

  it("lets nobody wait with maxWaiting 0", async () => {
    const limited = concurrencyLimit({ limit: 1, maxWaiting: 0 })(held().endpoint);
    void limited("a", background);
    await expect(limited("b", background)).rejects.toMatchObject({ code: "resource_exhausted" });
  });

  it("gives the place of whoever has waited to its deadline to those behind", async () => {
    const { endpoint, begun, end } = held();
    const limit = concurrencyLimit({ limit: 1 });
    const limited = limit(endpoint);
    void limited("a", background);
    const late = limited("b", background.withTimeout(50)).catch(codeOf);
    void limited("c", background);
    await vi.advanceTimersByTimeAsync(50);
    expect(await late).toBe("deadline_exceeded");
    expect(state(limit)).toEqual({ running: 1, waiting: 1 });
    end("a");
    await settled();
    expect(begun).toEqual(["a", "c"]);
  });

  it("does not begin a call whose deadline has passed while its timer is late", async () => {
    const { endpoint, begun, end } = held();
    const limited = concurrencyLimit({ limit: 1 })(endpoint);
    void limited("a", background);
    const late = limited("b", background.withTimeout(50)).catch(codeOf);
    void limited("c", background);
    vi.setSystemTime(Date.now() + 60);
    end("a");
    await settled();
    expect(await late).toBe("deadline_exceeded");
    expect(begun).toEqual(["a", "c"]);
  });

  it("keeps the place of a call whose caller is gone, since it works on", async () => {
    const { endpoint, begun, end } = held();
    const limited = concurrencyLimit({ limit: 1 })(endpoint);
    const ctx = background.withCancel();
    void limited("a", ctx);
    void limited("b", background);
    ctx.cancel();
    await settled();
    expect(begun).toEqual(["a"]);
    end("a");
    await settled();
    expect(begun).toEqual(["a", "b"]);
  });

  describe("on a stream", () => {
    async function* items(): AsyncGenerator<number> {
      yield 1;
      yield 2;
    }
    const streaming: Endpoint<unknown, AsyncIterable<number>> = async () => items();

    it("is done when the stream was read", async () => {
      const limit = concurrencyLimit({ limit: 1 });
      const stream = await limit(streaming)({}, background);
      const seen = [];
      for await (const item of stream) seen.push([item, limit.running]);
      expect(seen).toEqual([
        [1, 1],
        [2, 1],
      ]);
      expect(limit.running).toBe(0);
    });

    it("is done when the stream was left, and once", async () => {
      const limit = concurrencyLimit({ limit: 2 });
      const [left, kept] = [await limit(streaming)({}, background), await limit(streaming)({}, background)];
      const iterator = left[Symbol.asyncIterator]();
      await iterator.next();
      expect(await iterator.return?.("why")).toEqual({ done: true, value: "why" });
      await iterator.return?.();
      await iterator.next();
      expect(limit.running).toBe(1);
      await expect(kept[Symbol.asyncIterator]().throw?.(new Error("thrown in"))).rejects.toThrow("thrown in");
      expect(limit.running).toBe(0);
    });

    it("is done when the stream fails", async () => {
      const limit = concurrencyLimit({ limit: 1 });
      const stream = await limit(async () => ({
        [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("broken")) }),
      }))({}, background);
      await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow("broken");
      expect(limit.running).toBe(0);
    });

    it("is done when one that can only be read is left or thrown into", async () => {
      const limit = concurrencyLimit({ limit: 2 });
      const plain: Endpoint<unknown, AsyncIterable<number>> = async () => ({
        [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }) }),
      });
      const [left, hit] = [await limit(plain)({}, background), await limit(plain)({}, background)];
      for await (const _ of left) break;
      expect(limit.running).toBe(1);
      await expect(hit[Symbol.asyncIterator]().throw?.(new Error("thrown in"))).rejects.toThrow("thrown in");
      expect(limit.running).toBe(0);
    });

    it("is done when nobody reads it and its context ends", async () => {
      const limit = concurrencyLimit({ limit: 1 });
      const ctx = background.withCancel();
      await limit(streaming)({}, ctx);
      expect(limit.running).toBe(1);
      ctx.cancel();
      expect(limit.running).toBe(0);
    });

    it("leaves nothing on the context", async () => {
      const ctx = background.withTimeout(60_000);
      for await (const _ of await concurrencyLimit({ limit: 1 })(streaming)({}, ctx));
      expect(vi.getTimerCount()).toBe(0);
    });

    it("is done at once when its context has ended before it could be handed on", async () => {
      const limit = concurrencyLimit({ limit: 1 });
      const ctx = background.withCancel();
      await limit(async () => {
        ctx.cancel();
        return items();
      })({}, ctx);
      expect(limit.running).toBe(0);
    });
  });

  it.each([
    [{ limit: 0 }, "limit must be a positive integer, got 0"],
    [{ limit: 2.5 }, "limit must be a positive integer, got 2.5"],
    [{ limit: 1, maxWaiting: -1 }, "maxWaiting must not be negative, got -1"],
  ])("%o is refused by name", (options, message) => {
    expect(() => concurrencyLimit(options)).toThrow(new TypeError(`concurrencyLimit: ${message}`));
  });

  it("does what the model does, whatever is done to it", async () => {
    type Model = { begun: string[]; running: string[]; waiting: string[]; refused: string[] };
    type Real = {
      limit: ConcurrencyLimit;
      limited: Endpoint<string, string>;
      contexts: Map<string, ReturnType<Context["withCancel"]>>;
      source: ReturnType<typeof held>;
      refused: string[];
    };
    const [most, places] = [2, 3];
    let calls = 0;
    const check = async (model: Model, real: Real): Promise<void> => {
      await settled();
      assert.deepEqual(state(real.limit), { running: model.running.length, waiting: model.waiting.length });
      assert.deepEqual(real.source.begun, model.begun);
      assert.deepEqual(real.refused, model.refused);
    };
    const begin = (model: Model, name: string | undefined): void => {
      if (name === undefined) return;
      model.running.push(name);
      model.begun.push(name);
    };
    const enter: fc.AsyncCommand<Model, Real> = {
      check: () => true,
      async run(model, real) {
        const name = `${calls++}`;
        const ctx = background.withCancel();
        real.contexts.set(name, ctx);
        real.limited(name, ctx).catch((error: unknown) => {
          if (codeOf(error) === "resource_exhausted") real.refused.push(name);
        });
        if (model.running.length < most) begin(model, name);
        else if (model.waiting.length < places) model.waiting.push(name);
        else model.refused.push(name);
        await check(model, real);
      },
      toString: () => "enter",
    };
    const end = (which: number): fc.AsyncCommand<Model, Real> => ({
      check: (model) => model.running.length > 0,
      async run(model, real) {
        const [name] = model.running.splice(which % model.running.length, 1);
        real.source.end(name!);
        begin(model, model.waiting.shift());
        await check(model, real);
      },
      toString: () => `end(${which})`,
    });
    const leave = (which: number): fc.AsyncCommand<Model, Real> => ({
      check: (model) => model.waiting.length > 0,
      async run(model, real) {
        const [name] = model.waiting.splice(which % model.waiting.length, 1);
        real.contexts.get(name!)!.cancel();
        await check(model, real);
      },
      toString: () => `leave(${which})`,
    });
    const commands = fc.commands([fc.constant(enter), fc.nat(9).map(end), fc.nat(9).map(leave)], { maxCommands: 60 });
    await fc.assert(
      fc.asyncProperty(commands, (run) =>
        fc.asyncModelRun(() => {
          const limit = concurrencyLimit({ limit: most, maxWaiting: places });
          const source = held();
          return {
            model: { begun: [], running: [], waiting: [], refused: [] },
            real: { limit, limited: limit(source.endpoint), contexts: new Map(), source, refused: [] },
          };
        }, run),
      ),
      { numRuns: 200 },
    );
  });
});
