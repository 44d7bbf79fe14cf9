import { type AnyMiddleware, background, type Endpoint, KitError, type Middleware } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { middlewareCases, testMiddleware } from "../src/middleware.ts";

const noop = (): void => {};

const transparent: AnyMiddleware = (next) => next;

/** Does all that a middleware may: refuses, and leaves when its context ends. */
const leaving: AnyMiddleware = (next) => (request, ctx) =>
  new Promise((resolve, reject) => {
    if (ctx.cancelled !== undefined) throw ctx.cancelled;
    const forget = ctx.onCancel(reject);
    next(request, ctx).then(resolve, reject).finally(forget);
  });

describe("a middleware that does nothing", () => {
  const why = "it does nothing";
  testMiddleware({
    setup: async () => ({ subject: transparent }),
    supports: { keepsErrors: true, refusesEnded: why, abandonsEnded: why },
  });
});

describe("a middleware that leaves when its context ends", () => {
  testMiddleware({
    setup: async () => ({ subject: leaving }),
    supports: { keepsErrors: true, refusesEnded: true, abandonsEnded: true },
  });
});

/** For each case, middlewares that must fail it. */
const broken: Record<string, readonly Middleware[]> = {
  "hands on the request and the response, the same objects, and calls once": [
    (next) => (request, ctx) => next({ ...request }, ctx),
    (next) => (request, ctx) => next(request, ctx).then((response) => ({ ...response })),
    (next) => (request, ctx) => next(request, ctx).then(() => next(request, ctx)),
  ],
  "keeps the endpoints that it wraps apart": [firstEndpoint()],
  "keeps calls that overlap apart": [lastRequest, lastResponse],
  "hands on the context: its values and its deadline": [
    (next) => (request) => next(request, background),
    (next) => (request, ctx) => next(request, background.withDeadline(ctx.deadline ?? Infinity)),
    (next) => (request, ctx) => {
      const other = { ...ctx, deadline: undefined, get: ctx.get.bind(ctx) };
      return next(request, other);
    },
  ],
  "hands on the end of the context while the endpoint works": [
    (next) => (request, ctx) => {
      const child = background.withCancel();
      ctx.onCancel(() => child.cancel());
      return next(request, child);
    },
  ],
  "rejects with what the endpoint rejects with, the same object": [
    (next) => (request, ctx) => next(request, ctx).catch(() => Promise.reject(new KitError("internal", "sorry"))),
    (next) => (request, ctx) => next(request, ctx).catch(noop),
  ],
  "fails the call when the endpoint throws before it has a promise, and goes on with the next call": [
    (next) => async (request, ctx) => {
      try {
        return next(request, ctx);
      } catch {
        return undefined;
      }
    },
    oneAtATime,
  ],
  "hands on a streamed request unread": [
    (next) => async (request, ctx) => {
      for await (const _ of request?.[Symbol.asyncIterator] ? request : []) break;
      return next(request, ctx);
    },
  ],
  "hands on a streamed response unread, item by item, and its early end": [
    (next) => async (request, ctx) => {
      const items = [];
      for await (const item of await next(request, ctx)) items.push(item);
      return items;
    },
    (next) => async (request, ctx) => {
      const source: AsyncIterator<unknown> = (await next(request, ctx))[Symbol.asyncIterator]();
      return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) };
    },
  ],
  "does not call the endpoint when the context is over": [
    transparent,
    (next) => (request, ctx) =>
      ctx.cancelled === undefined ? next(request, ctx) : Promise.reject(new KitError("canceled", "my own words")),
  ],
  "does not wait for the endpoint when the context has ended": [transparent],
  "leaves no rejection unhandled when a call fails": [
    (next) => (request, ctx) => {
      const answer = next(request, ctx);
      void answer.then(noop);
      return answer;
    },
  ],
  "leaves no timer and no listener behind after a call": [
    (next) => (request, ctx) => {
      ctx.onCancel(noop);
      return next(request, ctx);
    },
    (next) => (request, ctx) => {
      const forget = ctx.onCancel(noop);
      return next(request, ctx).then((response) => {
        forget();
        return response;
      });
    },
    (next) => (request, ctx) => {
      setTimeout(noop, 1_000);
      return next(request, ctx);
    },
  ],
};

/** Calls whichever endpoint it wrapped first. */
function firstEndpoint(): Middleware {
  let first: Endpoint | undefined;
  return (next) => (first ??= next);
}

/** Keeps the request where the next call overwrites it. */
function lastRequest(next: Endpoint): Endpoint {
  let kept: unknown;
  return async (request, ctx) => {
    kept = request;
    await Promise.resolve();
    return next(kept, ctx);
  };
}

/** Answers every call with the response that came last. */
function lastResponse(next: Endpoint): Endpoint {
  let kept: unknown;
  return async (request, ctx) => {
    kept = await next(request, ctx);
    await new Promise((resolve) => void setImmediate(resolve));
    return kept;
  };
}

/** Counts calls under way, and forgets to when one throws. */
function oneAtATime(next: Endpoint): Endpoint {
  let busy = false;
  return (request, ctx) => {
    if (busy) return Promise.reject(new KitError("resource_exhausted", "busy"));
    busy = true;
    return next(request, ctx).finally(() => {
      busy = false;
    });
  };
}

describe("the suite", () => {
  it("has a broken middleware for every case", () => {
    expect(Object.keys(broken)).toEqual(middlewareCases.map(({ title }) => title));
  });

  for (const { title, run } of middlewareCases) {
    for (const [i, subject] of (broken[title] ?? []).entries()) {
      it(`catches broken one ${i + 1}: ${title}`, async () => {
        await expect(run(subject)).rejects.toBeInstanceOf(Error);
      });
    }
  }
});
