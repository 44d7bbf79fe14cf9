import type { Context } from "@kit/endpoint";
import type { Waiter } from "./delaying-limiter.ts";
import type { Allower } from "./erroring-limiter.ts";
import type { Forgettable } from "./keyed-limiter.ts";
import { exceeded, limitRefusal } from "./limit-refusal.ts";
import { monotonicMs } from "./monotonic-ms.ts";
import type { Quota } from "./quota.ts";

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
export interface TokenBucket extends Allower, Waiter, Forgettable {
  /** Whether a token was there, now taken. While others wait, there is none: the queue goes first. */
  allow(): boolean;
  /** How long a call that came now would wait for a token, in whole ms, rounded up. */
  retryAfterMs(): number;
  /** What the bucket holds, beyond what those who wait have coming. */
  quota(): Quota;
  /** Whether it is full. */
  idle(): boolean;
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
  const { ratePerSecond, burst, maxWaiting = 1_000, now = monotonicMs } = options;
  if (!(ratePerSecond > 0 && ratePerSecond < Infinity)) {
    throw new TypeError(`tokenBucket: ratePerSecond must be a positive number, got ${ratePerSecond}`);
  }
  if (!(Number.isSafeInteger(burst) && burst >= 1)) {
    throw new TypeError(`tokenBucket: burst must be a positive integer, got ${burst}`);
  }
  if (!(maxWaiting >= 0)) throw new TypeError(`tokenBucket: maxWaiting must not be negative, got ${maxWaiting}`);
  return new Bucket(ratePerSecond / 1_000, burst, maxWaiting, now);
}

/** A class, since there may be one for each of many keys, and closures would take several times its memory. */
class Bucket implements TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #maxWaiting: number;
  readonly #now: () => number;
  #tokens: number;
  #last: number;
  /** Made when somebody waits, which in most buckets nobody does. */
  #queue: Set<Place> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(perMs: number, burst: number, maxWaiting: number, now: () => number) {
    this.#perMs = perMs;
    this.#burst = burst;
    this.#maxWaiting = maxWaiting;
    this.#now = now;
    this.#tokens = burst;
    this.#last = now();
  }

  get #waiting(): number {
    return this.#queue === undefined ? 0 : this.#queue.size;
  }

  #refill(): void {
    const time = this.#now();
    const elapsed = time - this.#last;
    this.#last = time;
    // A clock that was set back earns nothing for that step, and goes on from there.
    // What those who wait have coming does not count against the burst; a timer may be late by more than that.
    if (elapsed > 0) this.#tokens = Math.min(this.#burst + this.#waiting, this.#tokens + elapsed * this.#perMs);
  }

  allow(): boolean {
    this.#refill();
    if (this.#tokens < 1 || this.#waiting > 0) return false;
    this.#tokens -= 1;
    return true;
  }

  retryAfterMs(): number {
    this.#refill();
    return Math.max(0, Math.ceil((this.#waiting + 1 - this.#tokens) / this.#perMs));
  }

  quota(): Quota {
    this.#refill();
    const left = this.#tokens - this.#waiting;
    return {
      limit: this.#burst,
      remaining: Math.max(0, Math.floor(left)),
      resetMs: Math.ceil((this.#burst - left) / this.#perMs),
    };
  }

  idle(): boolean {
    this.#refill();
    return this.#tokens >= this.#burst && this.#waiting === 0;
  }

  /** Admits whoever has a token by now, and wakes up for the next: one timer, however many wait. */
  #serve(queue: Set<Place>): void {
    this.#refill();
    clearTimeout(this.#timer);
    for (const place of queue) {
      if (this.#tokens < 1) {
        const delayMs = Math.min(longestDelayMs, Math.ceil((1 - this.#tokens) / this.#perMs));
        this.#timer = setTimeout(() => this.#serve(queue), delayMs);
        return;
      }
      this.#tokens -= 1;
      queue.delete(place);
      place.admit();
    }
  }

  wait(ctx: Context): Promise<void> {
    const over = ctx.cancelled;
    if (over !== undefined) return Promise.reject(over);
    if (this.allow()) return Promise.resolve();
    const waitMs = this.retryAfterMs();
    const queue = (this.#queue ??= new Set());
    if (queue.size >= this.#maxWaiting) {
      return Promise.reject(limitRefusal(this, `${exceeded}, and ${queue.size} calls wait already`));
    }
    if (ctx.deadline !== undefined && Date.now() + waitMs >= ctx.deadline) {
      return Promise.reject(limitRefusal(this, `rate limit: a wait of ${waitMs} ms would exceed context deadline`));
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
        this.#serve(queue);
        reject(cause);
      });
      if (queue.size === 1) this.#serve(queue);
    });
  }
}
