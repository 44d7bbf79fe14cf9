import type { Context } from "@kit/endpoint";

/** Label names and their values. The order they are written in means nothing; an empty value is the same as none. */
export type Labels = Readonly<Record<string, string>>;

/** A sum that only grows: requests served, bytes sent. */
export interface Counter {
  /**
   * The counter of these labels beside those it has already; a name given again takes the later value. The series is looked up
   * here, once, so keep what is returned where the labels are known beforehand.
   *
   * @throws {TypeError} when a name is not among the instrument's `labels`.
   */
  with(labels: Labels): Counter;
  /**
   * A value that is negative or not finite is ignored, and counted (see {@link metricsFrom}).
   *
   * @param delta - 1 if it is not given.
   * @param ctx - of the call it belongs to, for backends that keep exemplars.
   */
  add(delta?: number, ctx?: Context): void;
}

/** A value that goes up and down: calls in flight, the length of a queue. */
export interface Gauge {
  /** As {@link Counter.with}. */
  with(labels: Labels): Gauge;
  /** A value that is not finite is ignored, and counted. */
  set(value: number): void;
  /** Starts from 0. A value that is not finite is ignored, and counted. */
  add(delta: number): void;
}

/** How values are spread: durations, sizes. */
export interface Histogram {
  /** As {@link Counter.with}. */
  with(labels: Labels): Histogram;
  /**
   * A value that is not finite is ignored, and counted.
   *
   * @param ctx - of the call it belongs to, for backends that keep exemplars.
   */
  observe(value: number, ctx?: Context): void;
}

/** What an instrument is. Whoever asks for the same name again must say the same, but for `help`. */
export interface InstrumentOptions {
  /** One sentence for whoever reads the metric. @default the name, as in go-kit's provider */
  readonly help?: string;
  /** Every label name the instrument may get; some backends must know them beforehand, so all insist on it. @default none */
  readonly labels?: readonly string[];
  /** The base unit in plural: `seconds`, `bytes`. Backends that put it in the name append it where it is missing. @default none */
  readonly unit?: string;
  /**
   * How many label sets may have a series of their own; all others share one, whose labels all say `overflow`. What a stranger can
   * put in a label can then not fill the memory, here or in the backend. @default 2000, the limit OpenTelemetry's SDKs have
   */
  readonly maxSeries?: number;
}

/** What a histogram is. */
export interface HistogramOptions extends InstrumentOptions {
  /** Upper bounds, ascending, in the histogram's unit; of use where the backend counts by bucket. @default the backend's own */
  readonly buckets?: readonly number[];
}

/**
 * Makes instruments that write to one backend: what every `xMetrics` returns.
 *
 * The same name gives the same instrument. Asking throws a `TypeError` for options that are wrong or differ from the first ones, and
 * a `KitError` `failed_precondition` after `close`. Instruments themselves never throw at a value, closed or not.
 *
 * @see go-kit metrics/metrics.go, metrics/provider/provider.go
 */
export interface Metrics extends AsyncDisposable {
  counter(name: string, options?: InstrumentOptions): Counter;
  gauge(name: string, options?: InstrumentOptions): Gauge;
  histogram(name: string, options?: HistogramOptions): Histogram;
  /** Sends what is left, if the backend sends, and gives back what the backend made. May be called again. */
  close(): Promise<void>;
}
