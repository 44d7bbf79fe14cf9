/** What a histogram of {@link memoryMetrics} knows of its observations. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  /** `undefined` while `count` is 0, as are `max` and `quantile`. */
  readonly min: number | undefined;
  readonly max: number | undefined;
  /**
   * The value below which the part `q` of the observations lies, roughly: exact up to `bins` distinct values.
   *
   * @throws {TypeError} when `q` is not between 0 and 1.
   */
  quantile(q: number): number | undefined;
}

/**
 * A histogram of bounded size that places its own bins: each value is a bin of its own until there are too many, then the two
 * nearest become one at their weighted mean. What go-kit's generic histogram does.
 *
 * @see Ben-Haim and Tom-Tov, A Streaming Parallel Decision Tree Algorithm, JMLR 11 (2010)
 */
export class StreamingDistribution implements Distribution {
  count = 0;
  sum = 0;
  min: number | undefined = undefined;
  max: number | undefined = undefined;
  // One place more than there are bins: a value is put in before two are merged.
  readonly #values: Float64Array;
  readonly #counts: Float64Array;
  #used = 0;

  constructor(bins: number) {
    this.#values = new Float64Array(bins + 1);
    this.#counts = new Float64Array(bins + 1);
  }

  /** `count` observations of one value; such as a bin of another distribution. */
  observe(value: number, count = 1): void {
    this.count += count;
    this.sum += value * count;
    this.min = Math.min(value, this.min ?? value);
    this.max = Math.max(value, this.max ?? value);
    const values = this.#values;
    let at = this.#used;
    while (at > 0 && values[at - 1]! >= value) at--;
    if (at < this.#used && values[at] === value) {
      this.#counts[at]! += count;
      return;
    }
    values.copyWithin(at + 1, at, this.#used);
    this.#counts.copyWithin(at + 1, at, this.#used);
    values[at] = value;
    this.#counts[at] = count;
    if (++this.#used === values.length) this.#mergeNearest();
  }

  quantile(q: number): number | undefined {
    if (!(q >= 0 && q <= 1)) throw new TypeError(`quantile: q must be between 0 and 1, got ${q}`);
    let left = q * this.count;
    for (let i = 0; i < this.#used; i++) {
      left -= this.#counts[i]!;
      if (left <= 0) return this.#values[i];
    }
    return this.max;
  }

  /** The bins by value: what each stands at, and for how many observations. */
  bins(): { readonly value: number; readonly count: number }[] {
    return Array.from({ length: this.#used }, (_, i) => ({ value: this.#values[i]!, count: this.#counts[i]! }));
  }

  #mergeNearest(): void {
    const values = this.#values;
    const counts = this.#counts;
    let at = 1;
    for (let i = 2; i < this.#used; i++) {
      if (values[i]! - values[i - 1]! < values[at]! - values[at - 1]!) at = i;
    }
    const count = counts[at - 1]! + counts[at]!;
    values[at - 1] = values[at - 1]! * (counts[at - 1]! / count) + values[at]! * (counts[at]! / count);
    counts[at - 1] = count;
    values.copyWithin(at, at + 1, this.#used);
    counts.copyWithin(at, at + 1, this.#used);
    this.#used--;
  }
}
