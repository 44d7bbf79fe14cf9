import { type AnyMiddleware, type Context, type Endpoint, refusal } from "@kit/endpoint";

export interface ConcurrencyLimitOptions {
  /** Calls that may be under way at one time. A whole number, at least 1. */
  readonly limit: number;
  /**
   * Calls that may wait for their turn; a further one is refused. 0 refuses whatever cannot begin at once.
   * @default 1_000, since each holds its request in memory, and in a longer queue most callers have given up before their turn.
   */
  readonly maxWaiting?: number;
}

/** A middleware, and how full it is. All endpoints that it wraps share its limit. */
export interface ConcurrencyLimit extends AnyMiddleware {
  /** Calls under way. */
  readonly running: number;
  /** Calls that wait for their turn. */
  readonly waiting: number;
}

interface Place {
  /** Whether whoever waits here still wants to begin. */
  readonly admit: () => boolean;
}

// Made once, since a limit is hit by the thousand. Nobody knows when a call will end, so there is no time to retry.
const full = refusal("resource_exhausted", "concurrency limit exceeded");

/**
 * Has no more than `limit` calls under way; the others wait in the order of their arrival. A call is under way until its promise settles, however
 * long its caller has been gone, since that long it takes up what the limit protects. One that answers with a stream is under way until the stream
 * was read to its end, was left or has failed, or the call's context has ended.
 *
 * @throws {TypeError} for an option that makes no sense. A call rejects with `resource_exhausted` when `maxWaiting` calls wait already, and with its context's own error
 *   when that is over before its turn; its place goes to those behind.
 * @example
 * chain(concurrencyLimit({ limit: 20, maxWaiting: 100 }), logged)(endpoint)
 */
export function concurrencyLimit(options: ConcurrencyLimitOptions): ConcurrencyLimit {
  const { limit, maxWaiting = 1_000 } = options;
  if (!(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new TypeError(`concurrencyLimit: limit must be a positive integer, got ${limit}`);
  }
  if (!(maxWaiting >= 0)) throw new TypeError(`concurrencyLimit: maxWaiting must not be negative, got ${maxWaiting}`);

  const queue = new Set<Place>();
  let running = 0;

  /** The place of a call that is over goes to the first who still wants it. */
  function release(): void {
    for (const place of queue) {
      queue.delete(place);
      if (place.admit()) return;
    }
    running -= 1;
  }

  function turn(ctx: Context): Promise<void> {
    return new Promise((resolve, reject) => {
      const place: Place = {
        admit() {
          // The clock may be ahead of the timer that would have ended it.
          const over = ctx.cancelled;
          forget();
          if (over === undefined) resolve();
          else reject(over);
          return over === undefined;
        },
      };
      // In the queue before it listens, since a context that has just ended calls back at once.
      queue.add(place);
      const forget = ctx.onCancel((cause) => {
        queue.delete(place);
        reject(cause);
      });
    });
  }

  function run<Request, Response>(
    next: Endpoint<Request, Response>,
    request: Request,
    ctx: Context,
  ): Promise<Response> {
    let call: Promise<Response>;
    try {
      call = next(request, ctx);
    } catch (error) {
      release();
      throw error;
    }
    return call.then(
      (response) => {
        if (isStream(response)) return untilEnd(response, ctx, release) as Response;
        release();
        return response;
      },
      (error: unknown) => {
        release();
        throw error;
      },
    );
  }

  const limiter: AnyMiddleware = (next) => (request, ctx) => {
    const over = ctx.cancelled;
    if (over !== undefined) return Promise.reject(over);
    if (running < limit) {
      running += 1;
      return run(next, request, ctx);
    }
    if (queue.size >= maxWaiting) return Promise.reject(full);
    return turn(ctx).then(() => run(next, request, ctx));
  };
  return Object.defineProperties(limiter, {
    running: { get: () => running },
    waiting: { get: () => queue.size },
  }) as ConcurrencyLimit;
}

function isStream(response: unknown): response is AsyncIterable<unknown> {
  return typeof (response as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] === "function";
}

/** The same items, and word of their end: once, however it comes. */
function untilEnd<Item>(stream: AsyncIterable<Item>, ctx: Context, ended: () => void): AsyncIterable<Item> {
  let over = false;
  const once = (): void => {
    if (over) return;
    over = true;
    ended();
  };
  const forget = ctx.onCancel(once);
  const end = (): void => {
    forget();
    once();
  };

  async function told(step: Promise<IteratorResult<Item>>): Promise<IteratorResult<Item>> {
    try {
      const result = await step;
      if (result.done) end();
      return result;
    } catch (error) {
      end();
      throw error;
    }
  }

  return {
    [Symbol.asyncIterator](): AsyncIterator<Item> {
      const items = stream[Symbol.asyncIterator]();
      return {
        next: () => told(items.next()),
        // Left early: over for the caller at once, whatever the source makes of it.
        async return(value?: unknown) {
          try {
            return (await items.return?.(value)) ?? { done: true, value };
          } finally {
            end();
          }
        },
        async throw(error?: unknown) {
          if (items.throw === undefined) {
            end();
            throw error;
          }
          return told(items.throw(error));
        },
      };
    },
  };
}
