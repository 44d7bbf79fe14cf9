import { metricsFrom } from "./backend.ts";
import { type Distribution, StreamingDistribution } from "./distribution.ts";
import type { Labels, Metrics } from "./metrics.ts";

export interface MemoryMetricsOptions {
  /** How many bins a histogram has: more make quantiles finer and `observe` dearer. @default 50, as all of go-kit's are */
  readonly bins?: number;
}

/** What one series holds. */
export type MemorySeries =
  | { readonly kind: "counter" | "gauge"; readonly name: string; readonly labels: Labels; readonly value: number }
  | { readonly kind: "histogram"; readonly name: string; readonly labels: Labels; readonly distribution: Distribution };

/** Metrics that can be read back: for tests, for pages of one's own, and for adapters that send from time to time. */
export interface MemoryMetrics extends Metrics {
  /** What a counter or gauge stands at; `undefined` where there is no such series. */
  value(name: string, labels?: Labels): number | undefined;
  /** What a histogram has seen, and goes on seeing until `reset`; `undefined` where there is no such series. */
  distribution(name: string, labels?: Labels): Distribution | undefined;
  /** All series as they stand, in the order they came to be. */
  series(): readonly MemorySeries[];
  /**
   * Returns all series as they stand, then puts counters to 0 and empties histograms, so that each observation is in one answer
   * only. Gauges stay as they are.
   */
  reset(): readonly MemorySeries[];
}

type Held =
  | { readonly kind: "counter" | "gauge"; readonly name: string; readonly labels: Labels; value: number }
  | { readonly kind: "histogram"; readonly name: string; readonly labels: Labels; distribution: StreamingDistribution };

/**
 * Keeps everything in memory. `close` does nothing: what was measured stays readable.
 *
 * @throws {TypeError} when `bins` is no positive integer.
 * @see go-kit metrics/generic/generic.go
 */
export function memoryMetrics(options: MemoryMetricsOptions = {}): MemoryMetrics {
  const { bins = 50 } = options;
  if (!(Number.isInteger(bins) && bins > 0))
    throw new TypeError(`memoryMetrics: bins must be a positive integer, got ${bins}`);
  const all = new Map<string, Held>();

  const openValue = (kind: "counter" | "gauge", name: string) => (labels: Labels) => {
    const held = { kind, name, labels, value: 0 };
    all.set(keyOf(name, labels), held);
    return {
      add: (delta: number) => void (held.value += delta),
      set: (value: number) => void (held.value = value),
    };
  };
  const metrics = metricsFrom({
    counter: (name) => openValue("counter", name),
    gauge: (name) => openValue("gauge", name),
    histogram: (name) => (labels) => {
      const held = { kind: "histogram" as const, name, labels, distribution: new StreamingDistribution(bins) };
      all.set(keyOf(name, labels), held);
      return { observe: (value) => held.distribution.observe(value) };
    },
    close: async () => {},
  });

  const series = (): MemorySeries[] => Array.from(all.values(), (held) => ({ ...held }));
  return {
    ...metrics,
    value(name, labels = {}) {
      const held = all.get(keyOf(name, labels));
      return held === undefined || held.kind === "histogram" ? undefined : held.value;
    },
    distribution(name, labels = {}) {
      const held = all.get(keyOf(name, labels));
      return held?.kind === "histogram" ? held.distribution : undefined;
    },
    series,
    reset() {
      const before = series();
      for (const held of all.values()) {
        if (held.kind === "histogram") held.distribution = new StreamingDistribution(bins);
        else if (held.kind === "counter") held.value = 0;
      }
      return before;
    },
  };
}

function keyOf(name: string, labels: Labels): string {
  return JSON.stringify([
    name,
    ...Object.entries(labels)
      .filter(([, value]) => value !== "")
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  ]);
}
