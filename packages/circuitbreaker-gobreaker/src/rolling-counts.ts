import { Tally } from "./counts.ts";

/**
 * Counts in buckets of time, of which the oldest is taken off when a new one begins. A bucket is named by its age: 0 for the first, then 1,
 * and so on.
 *
 * @see gobreaker v2/counter.go
 */
export class RollingCounts {
  readonly total: Tally = new Tally();
  age = 0;
  readonly #buckets: readonly Tally[];

  /** @param buckets - with 1, there is no window: the total is the only bucket. */
  constructor(buckets: number) {
    this.#buckets = buckets === 1 ? [this.total] : Array.from({ length: buckets }, () => new Tally());
  }

  /** Whether the bucket is still there. */
  has(age: number): boolean {
    return this.age - age < this.#buckets.length;
  }

  /** Where a bucket is, or was. */
  bucket(age: number): Tally {
    return this.#buckets[age % this.#buckets.length]!;
  }

  /** Begins the bucket of that age. */
  grow(age: number): void {
    if (age - this.age >= this.#buckets.length) this.clear();
    while (this.age < age) {
      this.age += 1;
      this.#takeOff(this.bucket(this.age));
    }
  }

  clear(): void {
    this.total.clear();
    for (const bucket of this.#buckets) bucket.clear();
  }

  #takeOff(oldest: Tally): void {
    const { total } = this;
    // A run that began in the oldest bucket, or before it, loses that bucket's part; one that began later loses nothing.
    const later = (count: "totalSuccesses" | "totalFailures"): number => total[count] - oldest[count];
    total.consecutiveSuccesses = Math.min(total.consecutiveSuccesses, later("totalSuccesses"));
    total.consecutiveFailures = Math.min(total.consecutiveFailures, later("totalFailures"));
    total.requests -= oldest.requests;
    total.totalSuccesses -= oldest.totalSuccesses;
    total.totalFailures -= oldest.totalFailures;
    total.totalExclusions -= oldest.totalExclusions;
    oldest.clear();
  }
}
