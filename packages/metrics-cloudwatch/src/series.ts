import type { CounterSeries, GaugeSeries, HistogramSeries } from "@kit/metrics";
import { StreamingDistribution } from "@kit/metrics/push";

/** What a series has to send, and how it gets that back when it could not be sent. */
export interface Taken {
  readonly numbers: { readonly Value: number } | { readonly Values: number[]; readonly Counts: number[] };
  readonly giveBack: () => void;
}

/** A series between flushes. */
export interface CloudwatchSeries {
  /** Takes out what is to be sent; `undefined` when there is nothing. */
  take(): Taken | undefined;
}

const largest = 2 ** 360;

/** CloudWatch refuses all of a request for one number out of its range. */
function fit(value: number): number {
  return Math.abs(value) < 1 / largest ? 0 : Math.min(Math.max(value, -largest), largest);
}

/** What was added since it was last sent. */
export class CounterSum implements CounterSeries, CloudwatchSeries {
  #sum = 0;

  add(delta: number): void {
    this.#sum = fit(this.#sum + delta);
  }

  take(): Taken | undefined {
    const sum = this.#sum;
    if (sum === 0) return undefined;
    this.#sum = 0;
    return { numbers: { Value: sum }, giveBack: () => this.add(sum) };
  }
}

/** Where a gauge stands, which no flush changes. */
export class GaugeLevel implements GaugeSeries, CloudwatchSeries {
  #value: number | undefined = undefined;

  set(value: number): void {
    this.#value = fit(value);
  }

  add(delta: number): void {
    this.#value = fit((this.#value ?? 0) + delta);
  }

  take(): Taken | undefined {
    return this.#value === undefined ? undefined : { numbers: { Value: this.#value }, giveBack() {} };
  }
}

/** CloudWatch takes 150 values a datum; two of them are for the extremes. */
const bins = 148;

/** What was observed since it was last sent: exactly up to 148 distinct values, beyond that the nearest as one at their mean. */
export class Observations implements HistogramSeries, CloudwatchSeries {
  #observed = new StreamingDistribution(bins);

  observe(value: number): void {
    this.#observed.observe(fit(value));
  }

  take(): Taken | undefined {
    const observed = this.#observed;
    if (observed.count === 0) return undefined;
    this.#observed = new StreamingDistribution(bins);
    const { values, counts } = valuesAndCounts(observed);
    return {
      numbers: { Values: values, Counts: counts },
      giveBack: () => values.forEach((value, i) => this.#observed.observe(value, counts[i])),
    };
  }
}

/** The bins, but for the least and the greatest value, which stand for themselves: they are the Minimum and Maximum shown. */
function valuesAndCounts(observed: StreamingDistribution): { values: number[]; counts: number[] } {
  const all = observed.bins();
  const first = all[0]!;
  const [min, max] = [observed.min!, observed.max!];
  if (first.value !== min) all.splice(0, 1, { value: min, count: 1 }, without(min, first));
  const last = all.at(-1)!;
  if (last.value !== max) all.splice(-1, 1, without(max, last), { value: max, count: 1 });
  return { values: all.map(({ value }) => fit(value)), counts: all.map(({ count }) => count) };
}

interface Bin {
  readonly value: number;
  readonly count: number;
}

/** A bin after one of its values has left: the sum over all stays what it was. */
function without(value: number, bin: Bin): Bin {
  return { value: (bin.value * bin.count - value) / (bin.count - 1), count: bin.count - 1 };
}
