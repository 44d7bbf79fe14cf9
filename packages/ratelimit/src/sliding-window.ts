import type { Allower } from "./erroring-limiter.ts";
import type { Forgettable } from "./keyed-limiter.ts";
import { monotonicMs } from "./monotonic-ms.ts";
import type { Quota } from "./quota.ts";

export interface SlidingWindowOptions {
  /** Calls that may go on in any stretch of `windowMs`. A whole number, at least 1. The time of each is remembered: 8 bytes. */
  readonly limit: number;
  /** How long the window is, in ms. */
  readonly windowMs: number;
  /** A clock in ms, which should be monotonic. @default performance.now, which no adjustment of the system's time moves. */
  readonly now?: () => number;
}

export interface SlidingWindow extends Allower, Forgettable {
  /** Whether fewer than `limit` calls were allowed in the last `windowMs`; this one now counts. */
  allow(): boolean;
  /** When the oldest call of a full window leaves it, in whole ms, rounded up. */
  retryAfterMs(): number;
  quota(): Quota;
  /** Whether no call is in the window. */
  idle(): boolean;
}

/**
 * Allows no more than `limit` calls in any stretch of `windowMs`, exactly: a contract of "100 a minute" as its reader understands it. A counter
 * for each minute lets up to 200 through around the full minute; a token bucket of burst 100 lets 100 and then one each 0.6 s.
 *
 * @throws {TypeError} for an option that makes no sense.
 */
export function slidingWindow(options: SlidingWindowOptions): SlidingWindow {
  const { limit, windowMs, now = monotonicMs } = options;
  if (!(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new TypeError(`slidingWindow: limit must be a positive integer, got ${limit}`);
  }
  if (!(windowMs > 0 && windowMs < Infinity)) {
    throw new TypeError(`slidingWindow: windowMs must be a positive number, got ${windowMs}`);
  }
  return new Window(limit, windowMs, now);
}

/** A class, since there may be one for each of many keys. */
class Window implements SlidingWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  /** When the last `limit` calls went on: a ring, once it is full. */
  readonly #times: number[] = [];
  /** Where the next time goes. */
  #next = 0;
  /** The last reading: a clock that is set back stands still until it has caught up, so that the times stay in order. */
  #time = -Infinity;

  constructor(limit: number, windowMs: number, now: () => number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** In how many ms the call that many before the next one leaves the window. */
  #leavesInMs(back: number): number {
    this.#time = Math.max(this.#time, this.#now());
    const time = this.#times[(this.#next - back + this.#limit) % this.#limit];
    return time === undefined ? 0 : Math.max(0, time + this.#windowMs - this.#time);
  }

  allow(): boolean {
    // The oldest of a full ring is where the next one goes.
    if (this.#leavesInMs(this.#limit) > 0) return false;
    this.#times[this.#next] = this.#time;
    this.#next = (this.#next + 1) % this.#limit;
    return true;
  }

  retryAfterMs(): number {
    return Math.ceil(this.#leavesInMs(this.#limit));
  }

  quota(): Quota {
    // By halves: how many of the last calls are still in the window.
    let [inside, outside] = [0, this.#limit + 1];
    while (outside - inside > 1) {
      const middle = (inside + outside) >> 1;
      if (this.#leavesInMs(middle) > 0) inside = middle;
      else outside = middle;
    }
    return { limit: this.#limit, remaining: this.#limit - inside, resetMs: Math.ceil(this.#leavesInMs(1)) };
  }

  idle(): boolean {
    return this.#leavesInMs(1) === 0;
  }
}
