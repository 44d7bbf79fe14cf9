import type { Counter, Gauge, Histogram, Metrics } from "./metrics.ts";

/** One counter that adds to all of them. */
export function multiCounter(...counters: readonly Counter[]): Counter {
  return {
    with: (labels) => multiCounter(...counters.map((counter) => counter.with(labels))),
    add: (delta, ctx) => {
      for (const counter of counters) counter.add(delta, ctx);
    },
  };
}

/** One gauge that sets all of them. */
export function multiGauge(...gauges: readonly Gauge[]): Gauge {
  return {
    with: (labels) => multiGauge(...gauges.map((gauge) => gauge.with(labels))),
    set: (value) => {
      for (const gauge of gauges) gauge.set(value);
    },
    add: (delta) => {
      for (const gauge of gauges) gauge.add(delta);
    },
  };
}

/** One histogram that all of them observe. */
export function multiHistogram(...histograms: readonly Histogram[]): Histogram {
  return {
    with: (labels) => multiHistogram(...histograms.map((histogram) => histogram.with(labels))),
    observe: (value, ctx) => {
      for (const histogram of histograms) histogram.observe(value, ctx);
    },
  };
}

/**
 * One provider over several: each instrument writes to all of them, in the order given.
 *
 * Closing it closes them, for they can be made in place; it rejects, once all have been tried, with the first failure.
 *
 * @see go-kit metrics/multi/multi.go
 */
export function multiMetrics(...providers: readonly Metrics[]): Metrics {
  const metrics: Metrics = {
    counter: (name, options) => multiCounter(...providers.map((provider) => provider.counter(name, options))),
    gauge: (name, options) => multiGauge(...providers.map((provider) => provider.gauge(name, options))),
    histogram: (name, options) => multiHistogram(...providers.map((provider) => provider.histogram(name, options))),
    close: async () => {
      const results = await Promise.allSettled(providers.map((provider) => provider.close()));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
    [Symbol.asyncDispose]: () => metrics.close(),
  };
  return metrics;
}
