import { type Context, KitError } from "@kit/endpoint";
import { discardMetrics } from "./discard.ts";
import type { Counter, Gauge, Histogram, HistogramOptions, InstrumentOptions, Labels, Metrics } from "./metrics.ts";

/** One counter under one label set, in an adapter. */
export interface CounterSeries {
  /** Gets finite numbers from 0 only. */
  add(delta: number, ctx?: Context): void;
}

/** One gauge under one label set, in an adapter. */
export interface GaugeSeries {
  /** Gets finite numbers only. */
  set(value: number): void;
  /** Gets finite numbers only. */
  add(delta: number): void;
}

/** One histogram under one label set, in an adapter. */
export interface HistogramSeries {
  /** Gets finite numbers only. */
  observe(value: number, ctx?: Context): void;
}

/**
 * Opens the series of one label set: called once for each, at most `maxSeries + 1` times. No label is empty, none undeclared, none
 * longer than 256 characters or broken Unicode. It runs inside calls, so neither it nor the series may throw, not even after `close`.
 */
export type OpenSeries<Series> = (labels: Labels) => Series;

/** All that an adapter has to know: how to open series. {@link metricsFrom} does the rest. */
export interface Backend {
  /** Each is called once a name, and may throw a `TypeError` for what the backend cannot take. */
  counter(name: string, options: InstrumentOptions): OpenSeries<CounterSeries>;
  gauge(name: string, options: InstrumentOptions): OpenSeries<GaugeSeries>;
  histogram(name: string, options: HistogramOptions): OpenSeries<HistogramSeries>;
  /** Called once. */
  close(): Promise<void>;
}

type Kind = "counter" | "gauge" | "histogram";

/** What a stranger sends as a label must not fill the memory: beyond this many UTF-16 units a value is cut. */
const longestValue = 256;

/**
 * For adapters: a provider on top of a backend. Everything that all of them must do alike is done here: one instrument a name, one
 * series a label set in whatever order, the limit on series, and no value that a backend could choke on.
 *
 * What it turned away it counts in the backend itself, as `metrics_refused_total{instrument, reason}`: `series_limit` for each
 * `with` that ended in the overflow series, `invalid_value` for each value ignored.
 */
export function metricsFrom(backend: Backend): Metrics {
  const made = new Map<string, { readonly kind: Kind; readonly shape: string; readonly instrument: unknown }>();
  let refused: Counter = discardMetrics.counter("");
  let closing: Promise<void> | undefined;

  function once<Series, Instrument>(
    kind: Kind,
    name: string,
    options: HistogramOptions,
    Bound: new (table: SeriesTable<Series>, values: readonly string[]) => Instrument,
    opener: (options: CheckedOptions) => OpenSeries<Series>,
  ): Instrument {
    if (closing !== undefined) {
      throw new KitError("failed_precondition", `${kind}: "${name}" was asked for after close`);
    }
    const checked = check(kind, name, options);
    const shape = JSON.stringify([checked.labels.toSorted(), checked.unit, checked.buckets, checked.maxSeries]);
    const before = made.get(name);
    if (before !== undefined) {
      if (before.kind !== kind) throw new TypeError(`${kind}: "${name}" is a ${before.kind} already`);
      if (before.shape !== shape) {
        throw new TypeError(
          `${kind}: "${name}" has other labels, unit, buckets or maxSeries already: ${before.shape}, not ${shape}`,
        );
      }
      return before.instrument as Instrument;
    }
    const table = new SeriesTable(kind, name, checked, opener(checked), refused);
    const instrument = new Bound(table, table.unlabelled);
    made.set(name, { kind, shape, instrument });
    return instrument;
  }

  const metrics: Metrics = {
    counter: (name, options = {}) =>
      once("counter", name, options, BoundCounter, (checked) => backend.counter(name, checked)),
    gauge: (name, options = {}) => once("gauge", name, options, BoundGauge, (checked) => backend.gauge(name, checked)),
    histogram: (name, options = {}) =>
      once("histogram", name, options, BoundHistogram, (checked) => backend.histogram(name, checked)),
    close: () => (closing ??= backend.close()),
    [Symbol.asyncDispose]: () => metrics.close(),
  };
  // Made now, so that a name taken in the backend shows here and not in a call.
  refused = metrics.counter("metrics_refused_total", {
    help: "Label sets that found no room and values that were no number, by instrument.",
    labels: ["instrument", "reason"],
  });
  return metrics;
}

type CheckedOptions = HistogramOptions & { readonly labels: readonly string[]; readonly maxSeries: number };

function check(kind: Kind, name: string, options: HistogramOptions): CheckedOptions {
  const { labels = [], maxSeries = 2000, buckets } = options;
  if (typeof name !== "string" || name === "") throw new TypeError(`${kind}: name must be a string that is not empty`);
  if (labels.some((label) => typeof label !== "string" || label === "")) {
    throw new TypeError(`${kind}: labels of "${name}" must be strings that are not empty`);
  }
  if (new Set(labels).size < labels.length) {
    throw new TypeError(`${kind}: labels of "${name}" has one twice: ${labels.join(", ")}`);
  }
  if (!(Number.isInteger(maxSeries) && maxSeries > 0)) {
    throw new TypeError(`${kind}: maxSeries of "${name}" must be a positive integer, got ${maxSeries}`);
  }
  if (buckets?.length === 0 || buckets?.some((bound, i) => !Number.isFinite(bound) || bound <= buckets[i - 1]!)) {
    throw new TypeError(
      `${kind}: buckets of "${name}" must be ascending finite numbers, got ${buckets.join(", ") || "none"}`,
    );
  }
  return { ...options, labels: [...labels], maxSeries, ...(buckets !== undefined && { buckets: [...buckets] }) };
}

/** A tree with a level for each label: a lookup then makes no key, whose hash would cost more than all the rest. */
interface SeriesNode<Series> {
  series?: Series;
  below?: Map<string, SeriesNode<Series>>;
}

/** The series of one instrument. Label values are held in the order of the declared names, "" for one not given. */
class SeriesTable<Series> {
  readonly unlabelled: readonly string[];
  readonly #kind: Kind;
  readonly #name: string;
  readonly #labels: readonly string[];
  readonly #maxSeries: number;
  readonly #open: OpenSeries<Series>;
  readonly #refused: Counter;
  readonly #overflow: readonly string[];
  readonly #root: SeriesNode<Series> = {};
  #size = 0;

  constructor(
    kind: Kind,
    name: string,
    { labels, maxSeries }: CheckedOptions,
    open: OpenSeries<Series>,
    refused: Counter,
  ) {
    this.unlabelled = labels.map(() => "");
    this.#kind = kind;
    this.#name = name;
    this.#labels = labels;
    this.#maxSeries = maxSeries;
    this.#open = open;
    this.#refused = refused;
    this.#overflow = labels.map(() => "overflow");
  }

  merge(values: readonly string[], labels: Labels): readonly string[] {
    const merged = values.slice();
    for (const label of Object.keys(labels)) {
      const at = this.#labels.indexOf(label);
      if (at === -1) {
        const declared = this.#labels.join(", ") || "none";
        throw new TypeError(`${this.#kind}: "${this.#name}" has no label "${label}", its labels are: ${declared}`);
      }
      merged[at] = clean(labels[label]);
    }
    return merged;
  }

  resolve(values: readonly string[]): Series {
    let node: SeriesNode<Series> | undefined = this.#root;
    for (const value of values) node = node?.below?.get(value);
    return node?.series ?? this.#add(values);
  }

  #add(values: readonly string[]): Series {
    if (this.#size >= this.#maxSeries && values !== this.#overflow) {
      this.refuse("series_limit");
      return this.resolve(this.#overflow);
    }
    let node = this.#root;
    for (const value of values) {
      const below = (node.below ??= new Map());
      let next = below.get(value);
      if (next === undefined) below.set(value, (next = {}));
      node = next;
    }
    this.#size++;
    return (node.series = this.#open(
      Object.fromEntries(this.#labels.map((label, i) => [label, values[i]!]).filter(([, value]) => value !== "")),
    ));
  }

  refuse(reason: "series_limit" | "invalid_value"): void {
    this.#refused.with({ instrument: this.#name, reason }).add();
  }
}

/** Half a surrogate pair reaches every backend as U+FFFD; two series that differ only there would be one twice. */
function clean(value: string | number | undefined): string {
  const text = typeof value === "string" ? value : String(value ?? "");
  return (text.length > longestValue ? text.slice(0, longestValue) : text).replace(/\p{Surrogate}/gu, "\uFFFD");
}

abstract class Bound<Series> {
  protected readonly table: SeriesTable<Series>;
  protected readonly values: readonly string[];
  #series: Series | undefined;

  constructor(table: SeriesTable<Series>, values: readonly string[]) {
    this.table = table;
    this.values = values;
    // Before its last label is known it may be a mere step towards others.
    this.#series = values.includes("") ? undefined : table.resolve(values);
  }

  protected get series(): Series {
    return (this.#series ??= this.table.resolve(this.values));
  }
}

class BoundCounter extends Bound<CounterSeries> implements Counter {
  with(labels: Labels): Counter {
    return new BoundCounter(this.table, this.table.merge(this.values, labels));
  }

  add(delta = 1, ctx?: Context): void {
    if (Number.isFinite(delta) && delta >= 0) this.series.add(delta, ctx);
    else this.table.refuse("invalid_value");
  }
}

class BoundGauge extends Bound<GaugeSeries> implements Gauge {
  with(labels: Labels): Gauge {
    return new BoundGauge(this.table, this.table.merge(this.values, labels));
  }

  set(value: number): void {
    if (Number.isFinite(value)) this.series.set(value);
    else this.table.refuse("invalid_value");
  }

  add(delta: number): void {
    if (Number.isFinite(delta)) this.series.add(delta);
    else this.table.refuse("invalid_value");
  }
}

class BoundHistogram extends Bound<HistogramSeries> implements Histogram {
  with(labels: Labels): Histogram {
    return new BoundHistogram(this.table, this.table.merge(this.values, labels));
  }

  observe(value: number, ctx?: Context): void {
    if (Number.isFinite(value)) this.series.observe(value, ctx);
    else this.table.refuse("invalid_value");
  }
}
