import { background, type Context, contextKey, type Endpoint, KitError, type Middleware } from "@kit/endpoint";
import { expect, vi } from "vitest";
import { onSubject, runCases } from "./suite.ts";

/**
 * What a middleware may do or leave, by its nature:
 * - `keepsErrors`: what the endpoint rejects with comes out, the same object;
 * - `refusesEnded`: a call whose context is over does not reach the endpoint;
 * - `abandonsEnded`: a call whose context ends does not wait for its endpoint any longer.
 */
export type MiddlewareCapability = "keepsErrors" | "refusesEnded" | "abandonsEnded";

export interface MiddlewareSuiteOptions {
  /**
   * Makes a middleware for one case, which wraps several endpoints with it, has 50 calls under way at once, and up to 4 that fail in a
   * row: one that limits or breaks must let these through.
   */
  readonly setup: () => Promise<{ readonly subject: Middleware; readonly teardown?: () => Promise<void> }>;
  /** `true`, or why not: the case is then skipped with that message. */
  readonly supports: Readonly<Record<MiddlewareCapability, true | string>>;
}

export interface MiddlewareCase {
  /** A sentence whose subject is the middleware. */
  readonly title: string;
  readonly capability?: MiddlewareCapability;
  readonly run: (middleware: Middleware) => Promise<void>;
}

/** What every endpoint middleware must keep: it may act on a call, but not change it, lose it or outlive it. */
export function testMiddleware(options: MiddlewareSuiteOptions): void {
  const { setup, supports } = options;
  runCases("a middleware", middlewareCases, supports, async ({ run }) => onSubject(await setup(), run));
}

const tenant = contextKey<string>("@kit/conformance/tenant");

/** The suite's cases, as `testMiddleware` runs them. */
export const middlewareCases: readonly MiddlewareCase[] = [
  {
    title: "hands on the request and the response, the same objects, and calls once",
    async run(middleware) {
      const [request, response] = [{ n: 1 }, { n: 2 }];
      const endpoint = vi.fn<Endpoint>(async () => response);
      expect(await middleware(endpoint)(request, background)).toBe(response);
      expect(endpoint).toHaveBeenCalledOnce();
      expect(endpoint.mock.lastCall?.[0]).toBe(request);
    },
  },
  {
    title: "keeps the endpoints that it wraps apart",
    async run(middleware) {
      const [first, second] = [middleware(async () => "first"), middleware(async () => "second")];
      expect(await Promise.all([first({}, background), second({}, background)])).toEqual(["first", "second"]);
    },
  },
  {
    title: "keeps calls that overlap apart",
    async run(middleware) {
      const finish: (() => void)[] = [];
      const endpoint = middleware((n: number) => new Promise((resolve) => finish.push(() => resolve(-n))));
      const numbers = Array.from({ length: 50 }, (_, n) => n + 1);
      const calls = numbers.map((n) => endpoint(n, background));
      await vi.waitUntil(() => finish.length === 50);
      for (const done of finish.toReversed()) done();
      expect(await Promise.all(calls)).toEqual(numbers.map((n) => -n));
    },
  },
  {
    title: "hands on the context: its values and its deadline",
    async run(middleware) {
      const seen: Context[] = [];
      const ctx = background.withTimeout(60_000).with(tenant, "acme");
      await middleware(async (_, inner) => seen.push(inner))({}, ctx);
      expect(seen[0]?.get(tenant)).toBe("acme");
      expect(seen[0]?.deadline).toBeLessThanOrEqual(ctx.deadline!);
    },
  },
  {
    title: "hands on the end of the context while the endpoint works",
    async run(middleware) {
      const cause = new KitError("canceled", "the caller left");
      const ctx = background.withCancel();
      const heard = vi.fn<(cause: Error) => void>();
      const endpoint = vi.fn<Endpoint>(
        (_request, inner) =>
          new Promise((_resolve, reject) => {
            inner.onCancel((why) => {
              heard(why);
              reject(why);
            });
          }),
      );
      const call = middleware(endpoint)({}, ctx);
      await vi.waitUntil(() => endpoint.mock.calls.length === 1);
      ctx.cancel(cause);
      await expect(call).rejects.toSatisfy(() => true);
      expect(heard.mock.calls).toEqual([[cause]]);
    },
  },
  {
    title: "rejects with what the endpoint rejects with, the same object",
    capability: "keepsErrors",
    async run(middleware) {
      for (const error of [new KitError("not_found", "no such thing"), new Error("plain"), "not even an error"]) {
        await expect(middleware(() => Promise.reject(error))({}, background)).rejects.toBe(error);
      }
    },
  },
  {
    title: "fails the call when the endpoint throws before it has a promise, and goes on with the next call",
    async run(middleware) {
      let fails = true;
      const endpoint = middleware(() => {
        if (fails) throw new KitError("internal", "thrown");
        return Promise.resolve("fine");
      });
      await expect((async () => endpoint({}, background))()).rejects.toSatisfy(() => true);
      fails = false;
      expect(await endpoint({}, background)).toBe("fine");
    },
  },
  {
    title: "hands on a streamed request unread",
    async run(middleware) {
      const source = stream();
      const collect = middleware(async (request: AsyncIterable<number>) => {
        expect(source.pulled).toBe(0);
        const items = [];
        for await (const item of request) items.push(item);
        return items;
      });
      expect(await collect(source.items, background)).toEqual([1, 2, 3]);
    },
  },
  {
    title: "hands on a streamed response unread, item by item, and its early end",
    async run(middleware) {
      const source = stream();
      const items: AsyncIterable<number> = await middleware(async () => source.items)({}, background);
      await turn();
      expect(source.pulled).toBe(0);
      for await (const item of items) {
        expect([item, source.pulled]).toEqual([1, 1]);
        break;
      }
      expect(source.ended).toBe(true);
    },
  },
  {
    title: "does not call the endpoint when the context is over",
    capability: "refusesEnded",
    async run(middleware) {
      const cause = new KitError("canceled", "the caller left");
      const ctx = background.withCancel();
      ctx.cancel(cause);
      const endpoint = vi.fn<Endpoint>(async () => {});
      await expect(middleware(endpoint)({}, ctx)).rejects.toBe(cause);
      expect(endpoint).not.toHaveBeenCalled();
    },
  },
  {
    title: "does not wait for the endpoint when the context has ended",
    capability: "abandonsEnded",
    async run(middleware) {
      const cause = new KitError("canceled", "the caller left");
      const ctx = background.withCancel();
      const endpoint = vi.fn<Endpoint>(() => new Promise(() => {}));
      const call = middleware(endpoint)({}, ctx).catch((error: unknown) => error);
      await vi.waitUntil(() => endpoint.mock.calls.length === 1);
      ctx.cancel(cause);
      expect(await Promise.race([call, turn().then(() => "still waiting")])).toBe(cause);
    },
  },
  {
    title: "leaves no rejection unhandled when a call fails",
    async run(middleware) {
      // The runner's own listeners would fail the run before this case can tell why.
      const others = process.rawListeners("unhandledRejection");
      const unhandled = vi.fn<(error: unknown) => void>();
      process.removeAllListeners("unhandledRejection").on("unhandledRejection", unhandled);
      try {
        const call = middleware(() => Promise.reject(new KitError("internal", "failed")))({}, background);
        await expect(call).rejects.toSatisfy(() => true);
        await turn();
      } finally {
        process.removeAllListeners("unhandledRejection");
        for (const listener of others) process.on("unhandledRejection", listener as () => void);
      }
      expect(unhandled.mock.calls).toEqual([]);
    },
  },
  {
    title: "leaves no timer and no listener behind after a call",
    async run(middleware) {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
      try {
        const listening = new Set<object>();
        const ctx = watched(background.withCancel(), listening);
        const timers = vi.getTimerCount();
        await middleware(async () => {})({}, ctx);
        await turn();
        const afterSuccess = { listening: listening.size, timers: vi.getTimerCount() };
        const failing = middleware(() => Promise.reject(new KitError("internal", "failed")));
        await expect(failing({}, ctx)).rejects.toSatisfy(() => true);
        await turn();
        const afterFailure = { listening: listening.size, timers: vi.getTimerCount() };
        const nothing = { listening: 0, timers };
        expect({ afterSuccess, afterFailure }).toEqual({ afterSuccess: nothing, afterFailure: nothing });
      } finally {
        vi.useRealTimers();
      }
    },
  },
];

/** The context, which notes who listens to it or to what is made of it, and has not stopped. */
function watched(ctx: Context, listening: Set<object>): Context {
  return new Proxy(ctx, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name === "onCancel") {
        return (listener: (cause: Error) => void) => {
          listening.add(listener);
          const forget = target.onCancel(listener);
          return () => {
            listening.delete(listener);
            forget();
          };
        };
      }
      return (...args: unknown[]) => {
        const made: unknown = Reflect.apply(value, target, args);
        return String(name).startsWith("with") ? watched(made as Context, listening) : made;
      };
    },
  });
}

/** Three numbers, and what has become of them. */
function stream(): { readonly items: AsyncIterable<number>; pulled: number; ended: boolean } {
  const source = { items: produce(), pulled: 0, ended: false };
  async function* produce(): AsyncGenerator<number> {
    try {
      for (const item of [1, 2, 3]) {
        source.pulled += 1;
        yield item;
      }
    } finally {
      source.ended = true;
    }
  }
  return source;
}

/** Long enough for whatever needs no timer: the event loop goes round twice. */
async function turn(): Promise<void> {
  await new Promise((resolve) => void setImmediate(resolve));
  await new Promise((resolve) => void setImmediate(resolve));
}
