import { otelMetrics } from "@kit/metrics-otel";
import { prometheusMetrics } from "@kit/metrics-prometheus";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

import type { Bench, Plan, Result } from "../bench.ts";
import { cpuMs, interleave } from "../interleave.ts";

const labels = { service: "shop", method: "order", code: "ok" };
const labelNames = Object.keys(labels);
/** Fifteen per cent more at most. */
const goal = 1 / 1.15;

/** Spread over the buckets, as durations are. */
const seconds = Array.from({ length: 1024 }, (_, i) => 0.001 * 1.01 ** (i % 900));

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

async function measurePrometheus(plan: Plan): Promise<readonly Result[]> {
  const bare = { labelNames, help: "help", registers: [] };
  const metrics = prometheusMetrics({ registry: new Registry() });

  const [counter, counterChild] = [
    metrics.counter("calls", { labels: labelNames }).with(labels),
    new Counter({ ...bare, name: "calls_total" }).labels(labels),
  ];
  const counted = await interleave(
    {
      "prometheusMetrics, bound"(count) {
        for (let i = 0; i < count; i += 1) counter.add(1);
      },
      "prom-client, child kept"(count) {
        for (let i = 0; i < count; i += 1) counterChild.inc(1);
      },
    },
    plan,
    cpuMs,
  );

  const [gauge, gaugeChild] = [
    metrics.gauge("in_flight", { labels: labelNames }).with(labels),
    new Gauge({ ...bare, name: "in_flight" }).labels(labels),
  ];
  const gauged = await interleave(
    {
      "prometheusMetrics, bound"(count) {
        for (let i = 0; i < count; i += 1) gauge.add(1);
      },
      "prom-client, child kept"(count) {
        for (let i = 0; i < count; i += 1) gaugeChild.inc(1);
      },
    },
    plan,
    cpuMs,
  );

  const [histogram, histogramChild] = [
    metrics.histogram("duration", { labels: labelNames, unit: "seconds" }).with(labels),
    new Histogram({ ...bare, name: "duration_seconds" }).labels(labels),
  ];
  const observed = await interleave(
    {
      "prometheusMetrics, bound"(count) {
        for (let i = 0; i < count; i += 1) histogram.observe(seconds[i & 1023]!);
      },
      "prom-client, child kept"(count) {
        for (let i = 0; i < count; i += 1) histogramChild.observe(seconds[i & 1023]!);
      },
    },
    plan,
    cpuMs,
  );
  const claims = [{ ours: "prometheusMetrics, bound", other: "prom-client, child kept", goal }];
  return [
    { title: "a value for a counter of Prometheus", costs: counted, claims },
    { title: "a value for a gauge of Prometheus", costs: gauged, claims },
    { title: "a value for a histogram of Prometheus", costs: observed, claims },
  ];
}

/** Reads nothing by itself. */
class IdleReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

async function measureOtel(plan: Plan): Promise<readonly Result[]> {
  const meterOf = (name: string) => new MeterProvider({ readers: [new IdleReader()] }).getMeter(name);
  const metrics = otelMetrics({ meter: meterOf("ours") });
  const bare = meterOf("bare");

  const counter = metrics.counter("calls", { labels: labelNames }).with(labels);
  const bareCounter = bare.createCounter("calls");
  const counted = await interleave(
    {
      "otelMetrics, bound"(count) {
        for (let i = 0; i < count; i += 1) counter.add(1);
      },
      "the SDK, attributes kept"(count) {
        for (let i = 0; i < count; i += 1) bareCounter.add(1, labels);
      },
    },
    plan,
    cpuMs,
  );

  const histogram = metrics.histogram("duration", { labels: labelNames, buckets }).with(labels);
  const bareHistogram = bare.createHistogram("duration", { advice: { explicitBucketBoundaries: [...buckets] } });
  const observed = await interleave(
    {
      "otelMetrics, bound"(count) {
        for (let i = 0; i < count; i += 1) histogram.observe(seconds[i & 1023]!);
      },
      "the SDK, attributes kept"(count) {
        for (let i = 0; i < count; i += 1) bareHistogram.record(seconds[i & 1023]!, labels);
      },
    },
    plan,
    cpuMs,
  );
  const claims = [{ ours: "otelMetrics, bound", other: "the SDK, attributes kept", goal }];
  return [
    { title: "a value for a counter of OpenTelemetry", costs: counted, claims },
    { title: "a value for a histogram of OpenTelemetry", costs: observed, claims },
  ];
}

/** What a value costs through an instrument whose labels are bound, beside the same with the bare driver. */
export const bench: Bench = [measurePrometheus, measureOtel];
