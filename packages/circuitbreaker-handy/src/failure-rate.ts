/** What a breaker has counted in its window. */
export interface HandyCounts {
  readonly successes: number;
  readonly failures: number;
  /** Failures of all that was counted, from 0 to 1; 0 if nothing was. */
  readonly failureRate: number;
}

/**
 * Counts in buckets of one second, each full second of the clock being one.
 *
 * @see handy breaker/metrics.go
 */
export class FailureRate {
  #successes = 0;
  #failures = 0;
  /** The second that the current bucket is for. */
  #second = 0;
  #current = 0;
  readonly #buckets: readonly { successes: number; failures: number }[];
  readonly #now: () => number;

  constructor(seconds: number, now: () => number) {
    this.#buckets = Array.from({ length: seconds }, () => ({ successes: 0, failures: 0 }));
    this.#now = now;
  }

  succeeded(): void {
    this.#bucket().successes += 1;
    this.#successes += 1;
  }

  failed(): void {
    this.#bucket().failures += 1;
    this.#failures += 1;
  }

  get counts(): HandyCounts {
    this.#bucket();
    const [successes, failures] = [this.#successes, this.#failures];
    return { successes, failures, failureRate: failures === 0 ? 0 : failures / (successes + failures) };
  }

  clear(): void {
    this.#successes = this.#failures = 0;
    for (const bucket of this.#buckets) bucket.successes = bucket.failures = 0;
  }

  #bucket(): { successes: number; failures: number } {
    const second = Math.floor(this.#now() / 1_000);
    if (second !== this.#second) {
      const passed = second - this.#second;
      this.#second = second;
      // What was counted before a clock was set back is of no known age.
      if (passed < 0 || passed >= this.#buckets.length) this.clear();
      else for (let step = 0; step < passed; step += 1) this.#next();
    }
    return this.#buckets[this.#current]!;
  }

  #next(): void {
    this.#current = (this.#current + 1) % this.#buckets.length;
    const oldest = this.#buckets[this.#current]!;
    this.#successes -= oldest.successes;
    this.#failures -= oldest.failures;
    oldest.successes = oldest.failures = 0;
  }
}
