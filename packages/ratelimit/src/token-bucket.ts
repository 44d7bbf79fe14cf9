import { type Context, refusal } from "@kit/endpoint";
import type { Waiter } from "./delaying-limiter.ts";
import type { Allower } from "./erroring-limiter.ts";

export interface TokenBucketOptions {
  /** Calls that may go on each second, in the long run. */
  readonly ratePerSecond: number;
  /** Calls that may go on at once after a quiet time: what the bucket holds. A whole number, at least 1. */
  readonly burst: number;
  /**
   * Calls that may wait at one time; a further one is refused. 0 refuses whatever cannot go on at once.
   * @default 1_000, since each holds its request in memory, and in a longer queue most callers have given up before their turn.
   */
  readonly maxWaiting?: number;
  /** A clock in ms, which should be monotonic. @default performance.now, which no adjustment of the system's time moves. */
  readonly now?: () => number;
}

/** Both kinds of limit at once, on the same tokens. */
export interface TokenBucket extends Allower, Waiter {
  /** Whether a token was there, now taken. While others wait, there is none: the queue goes first. */
  allow(): boolean;
  /** How long a call that came now would wait for a token, in whole ms, rounded up. */
  retryAfterMs(): number;
  /**
   * Resolves when a token was taken, first come, first served. A call whose context ends while it waits leaves its place to those behind.
   * Timers tick in milliseconds: above a rate of 1 000 several calls go on at one tick.
   *
   * @throws the context's own error when it is over, at the start or while waiting.
   * @throws {KitError} `resource_exhausted`, at once and with `retryAfterMs`: when the wait would last to the context's deadline or beyond, and
   *   when `maxWaiting` calls wait already. Not `deadline_exceeded`, since the time is not over and the limit is what stands in the way.
   */
  wait(ctx: Context): Promise<void>;
}

interface Place {
  readonly admit: () => void;
}

/** The longest delay that `setTimeout` takes; beyond, it fires at once. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * A bucket that starts full with `burst` tokens, loses one a call and gains `ratePerSecond` a second: in any stretch of time t, no more
 * than `burst + ratePerSecond * t` calls go on. The limit is this process's own; it holds a timer only while calls wait.
 *
 * @throws {TypeError} for an option that makes no sense.
 * @see https://pkg.go.dev/golang.org/x/time/rate, which go-kit's limiters are made for
 */
export function tokenBucket(options: TokenBucketOptions): TokenBucket {
  const { ratePerSecond, burst, maxWaiting = 1_000, now = () => performance.now() } = options;
  if (!(ratePerSecond > 0 && ratePerSecond < Infinity)) {
    throw new TypeError(`tokenBucket: ratePerSecond must be a positive number, got ${ratePerSecond}`);
  }
  if (!(Number.isSafeInteger(burst) && burst >= 1)) {
    throw new TypeError(`tokenBucket: burst must be a positive integer, got ${burst}`);
  }
  if (!(maxWaiting >= 0)) throw new TypeError(`tokenBucket: maxWaiting must not be negative, got ${maxWaiting}`);

  const perMs = ratePerSecond / 1_000;
  const queue = new Set<Place>();
  let tokens = burst;
  let last = now();
  let timer: NodeJS.Timeout | undefined;

  function refill(): void {
    const time = now();
    const elapsed = time - last;
    last = time;
    // A clock that was set back earns nothing for that step, and goes on from there.
    // What those who wait have coming does not count against the burst; a timer may be late by more than that.
    if (elapsed > 0) tokens = Math.min(burst + queue.size, tokens + elapsed * perMs);
  }

  function allow(): boolean {
    refill();
    if (tokens < 1 || queue.size > 0) return false;
    tokens -= 1;
    return true;
  }

  function retryAfterMs(): number {
    refill();
    return Math.max(0, Math.ceil((queue.size + 1 - tokens) / perMs));
  }

  /** Admits whoever has a token by now, and wakes up for the next: one timer, however many wait. */
  function serve(): void {
    refill();
    clearTimeout(timer);
    for (const place of queue) {
      if (tokens < 1) {
        timer = setTimeout(serve, Math.min(longestDelayMs, Math.ceil((1 - tokens) / perMs)));
        return;
      }
      tokens -= 1;
      queue.delete(place);
      place.admit();
    }
  }

  function wait(ctx: Context): Promise<void> {
    const over = ctx.cancelled;
    if (over !== undefined) return Promise.reject(over);
    if (allow()) return Promise.resolve();
    const waitMs = retryAfterMs();
    if (queue.size >= maxWaiting) return refuse(`rate limit exceeded, and ${queue.size} calls wait already`, waitMs);
    if (ctx.deadline !== undefined && Date.now() + waitMs >= ctx.deadline) {
      return refuse(`rate limit: a wait of ${waitMs} ms would exceed context deadline`, waitMs);
    }
    return new Promise((resolve, reject) => {
      const place: Place = {
        admit: () => {
          forget();
          resolve();
        },
      };
      // In the queue before it listens, since a context that has just ended calls back at once.
      queue.add(place);
      const forget = ctx.onCancel((cause) => {
        queue.delete(place);
        serve();
        reject(cause);
      });
      if (queue.size === 1) serve();
    });
  }

  return { allow, retryAfterMs, wait };
}

function refuse(message: string, retryAfterMs: number): Promise<never> {
  return Promise.reject(refusal("resource_exhausted", message, { retryAfterMs }));
}
