import { contextKey, type ContextKey } from "@kit/endpoint";
import {
  type Counter,
  discardMetrics,
  type InstrumentOptions,
  type Labels,
  type Metrics,
  metricsFrom,
} from "@kit/metrics";
import { type Attributes, type Context as OtelContext, diag, type Meter, type MetricOptions } from "@opentelemetry/api";
import { heldGauge } from "./held-gauges.ts";
import type { Renaming } from "./renaming.ts";
import { ucum } from "./ucum.ts";

export interface OtelMetricsOptions {
  /** Where the metrics go: `provider.getMeter("shop")`. It is yours, as are its provider, readers and exporters. */
  readonly meter: Meter;
  /** Put before every name as it is, so end it in `.` or `_`. @default "" */
  readonly prefix?: string;
  /** On every series of this provider; where an instrument has a label of that name, its value if it is given one. @default none */
  readonly defaultLabels?: Labels;
  /** Of the histograms that are asked for without. @default for seconds the conventions' 14 from 0.005 to 10, else the SDK's, which are made for ms */
  readonly buckets?: readonly number[];
  /**
   * The gauges that are to be up-down counters, by the name they are asked for: those that may be added up over processes, such as
   * `requests_in_flight`. @default none
   */
  readonly upDownCounters?: readonly string[];
  /** What instruments are called in OpenTelemetry, by the name they are asked for; `rpcDuration` is one for calls. @default their own names */
  readonly renamed?: Readonly<Record<string, Renaming>>;
  /** Sends what is left, at `close`: `() => provider.forceFlush()`. @default nothing is sent before the provider does */
  readonly flush?: () => Promise<void>;
}

/** The one of `@kit/tracing-otel`, whose span and baggage a value then belongs to. */
const otelContext: ContextKey<OtelContext> = contextKey("@kit/tracing-otel/context");

/** What OpenTelemetry allows; its SDK only warns. */
const instrumentName = /^[a-zA-Z][a-zA-Z0-9_.\-/]{0,254}$/;

/** @see https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/ */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** With the series of all others they stay below the SDK's 2000, which it puts together in a series of its own. */
const maxSeries = 1998;

/**
 * Metrics through OpenTelemetry: counters as counters, histograms as histograms, gauges as gauges that are asked for their value when it is
 * collected, or as up-down counters.
 *
 * Names stay as they are. Units are given as UCUM has them: `seconds` is `s`, `bytes` is `By`. `maxSeries` is 1998 where an instrument does
 * not say.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that OpenTelemetry cannot name.
 */
export function otelMetrics(options: OtelMetricsOptions): Metrics {
  const { meter, prefix = "", defaultLabels, buckets, upDownCounters = [], renamed = {}, flush } = options;
  if (typeof meter?.createObservableGauge !== "function") {
    throw new TypeError("otelMetrics: meter must be a meter of OpenTelemetry");
  }
  if (buckets?.length === 0 || buckets?.some((bound, i) => !Number.isFinite(bound) || bound <= buckets[i - 1]!)) {
    throw new TypeError(`otelMetrics: buckets must be ascending finite numbers, got ${buckets.join(", ") || "none"}`);
  }
  const defaults: Labels = { ...defaultLabels };
  const renamings = new Map(Object.entries(renamed));
  const additive = new Set(upDownCounters);
  let dropped: Counter = discardMetrics.counter("");

  function described(asked: string, { help, unit }: InstrumentOptions): [name: string, options: MetricOptions] {
    const name = renamings.get(asked)?.name ?? prefix + asked;
    if (!instrumentName.test(name)) {
      throw new TypeError(
        `otelMetrics: "${name}" cannot be a name: only letters, digits, "_", ".", "-" and "/", a letter first, at most 255`,
      );
    }
    return [
      name,
      { ...(help !== undefined && { description: help }), ...(unit !== undefined && { unit: ucum(unit) }) },
    ];
  }
  const attributesOf = (asked: string, labels: Labels): Attributes => {
    const all = { ...defaults, ...labels };
    try {
      return renamings.get(asked)?.attributes?.(all) ?? all;
    } catch (error) {
      failed(error);
      return all;
    }
  };

  const metrics = metricsFrom({
    counter(asked, instrument) {
      const counter = meter.createCounter(...described(asked, instrument));
      return (labels) => {
        const attributes = attributesOf(asked, labels);
        return {
          add(delta, ctx) {
            try {
              counter.add(delta, attributes, ctx?.get(otelContext));
            } catch (error) {
              failed(error);
            }
          },
        };
      };
    },
    gauge(asked, instrument) {
      const [name, told] = described(asked, instrument);
      if (!additive.has(asked)) {
        const open = heldGauge(meter, name, told);
        return (labels) => open(attributesOf(asked, labels));
      }
      const counter = meter.createUpDownCounter(name, told);
      return (labels) => {
        const attributes = attributesOf(asked, labels);
        let level = 0;
        const add = (delta: number): void => {
          level += delta;
          try {
            counter.add(delta, attributes);
          } catch (error) {
            failed(error);
          }
        };
        return { add, set: (value) => add(value - level) };
      };
    },
    histogram(asked, instrument) {
      const [name, told] = described(asked, instrument);
      const bounds = instrument.buckets ?? buckets ?? (instrument.unit === "seconds" ? secondsBuckets : undefined);
      const advice = bounds && { advice: { explicitBucketBoundaries: [...bounds] } };
      const histogram = meter.createHistogram(name, { ...told, ...advice });
      return (labels) => {
        const attributes = attributesOf(asked, labels);
        return {
          observe(value, ctx) {
            // The SDK throws those below zero away.
            if (value < 0) return dropped.add();
            try {
              histogram.record(value, attributes, ctx?.get(otelContext));
            } catch (error) {
              failed(error);
            }
          },
        };
      };
    },
    async close() {
      try {
        await flush?.();
      } catch (error) {
        failed(error);
      }
    },
  });
  const bounded: Metrics = {
    ...metrics,
    counter: (name, instrument) => metrics.counter(name, { maxSeries, ...instrument }),
    gauge: (name, instrument) => metrics.gauge(name, { maxSeries, ...instrument }),
    histogram: (name, instrument) => metrics.histogram(name, { maxSeries, ...instrument }),
  };
  dropped = bounded.counter("metrics_dropped_total", { help: "Values below zero, which no histogram takes." });
  return bounded;
}

/** Nothing that goes wrong with a value is worth the call that it tells of. */
function failed(error: unknown): void {
  diag.error("@kit/metrics-otel: a value cannot be recorded", error);
}
