import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { background, contextKey } from "@kit/endpoint";
import { measured, type Metrics } from "@kit/metrics";
import {
  Counter,
  Gauge,
  Histogram,
  openMetricsContentType,
  type OpenMetricsContentType,
  register,
  Registry,
} from "prom-client";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it, vi } from "vitest";
import { metricsPage, prometheusHandler, prometheusMetrics, type PrometheusMetricsOptions } from "../src/index.ts";
import { find, parse } from "./exposition.ts";

const openMetricsRegistry = (): Registry<OpenMetricsContentType> => {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(openMetricsContentType);
  return registry;
};
const textOf = async (registry: PrometheusMetricsOptions["registry"]): Promise<string> =>
  (await metricsPage(registry)).body;

/** The same normally distributed numbers in every run. */
function* normal() {
  let state = 7;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < 12_345; i++) {
    yield 500 + 25 * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  }
}

describe("go-kit's own tests, scraped over HTTP", () => {
  const registry = new Registry();
  const server = createServer(prometheusHandler(registry));
  const metrics = prometheusMetrics({ registry, prefix: "ns_ss_", summaries: { summary: {} } });
  const scrape = async () => (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)).text();
  beforeAll(() => once(server.listen(0, "127.0.0.1"), "listening"));
  afterAll(() => void server.close());

  it("TestCounter: is exact, labels in any order", async () => {
    const counter = metrics
      .counter("foo", { help: "This is the help string.", labels: ["alpha", "beta"] })
      .with({ beta: "beta-value", alpha: "alpha-value" });
    let want = 0;
    for (let n = 0; n < 100; n++) {
      counter.add(n);
      want += n;
    }
    expect(await scrape()).toContain(`\nns_ss_foo_total{alpha="alpha-value",beta="beta-value"} ${want}\n`);
  });

  it("TestGauge: is exact", async () => {
    const gauge = metrics
      .gauge("ccc", { help: "This is a different help string.", labels: ["foo"] })
      .with({ foo: "bar" });
    for (let n = 0; n < 100; n++) gauge.set(n);
    for (let n = 0; n < 100; n++) gauge.add(n);
    expect(await scrape()).toContain(`\nns_ss_ccc{foo="bar"} ${99 + 4950}\n`);
  });

  it("TestSummary: tells the quantiles of a normal distribution to one percent", async () => {
    const summary = metrics
      .histogram("summary", { labels: ["a", "b"] })
      .with({ b: "b" })
      .with({ a: "a" });
    for (const sample of normal()) summary.observe(sample);
    const samples = parse(await scrape());
    for (const [quantile, want] of [
      ["0.5", 500],
      ["0.9", 500 + 25 * 1.2816],
      ["0.99", 500 + 25 * 2.3263],
    ] as const) {
      const have = find(samples, "ns_ss_summary", { a: "a", b: "b", quantile })!;
      expect(Math.abs(have - want) / want).toBeLessThan(0.01);
    }
  });

  it("TestHistogram: fills its buckets as a normal distribution does", async () => {
    const buckets = Array.from({ length: 11 }, (_, i) => 425 + i * 15);
    const histogram = metrics.histogram("histogram", { labels: ["x"], buckets }).with({ x: "1" });
    for (const sample of normal()) histogram.observe(sample);
    const samples = parse(await scrape());
    // The normal distribution function at -3, -2.4, … 3; go-kit allows 25 percent.
    const parts = [0.00135, 0.0082, 0.03593, 0.11507, 0.27425, 0.5, 0.72575, 0.88493, 0.96407, 0.9918, 0.99865];
    for (const [i, bound] of buckets.entries()) {
      const have = find(samples, "ns_ss_histogram_bucket", { x: "1", le: `${bound}` })!;
      const want = 12_345 * parts[i]!;
      expect(Math.abs(have - want) / want, `bucket ${bound}`).toBeLessThan(0.25);
    }
    expect(find(samples, "ns_ss_histogram_bucket", { x: "1", le: "+Inf" })).toBe(12_345);
    expect(find(samples, "ns_ss_histogram_count", { x: "1" })).toBe(12_345);
  });

  it("TestInconsistentLabelCardinality: refuses a label too many", () => {
    const counter = metrics.counter("foobar", { labels: ["a", "b"] });
    expect(() => counter.with({ a: "1", b: "2", c: "KABOOM!" })).toThrow(
      new TypeError('counter: "foobar" has no label "c", its labels are: a, b'),
    );
  });
});

describe("prometheusMetrics", () => {
  it("writes names, units, help and types as Prometheus has them", async () => {
    const registry = new Registry();
    const metrics = prometheusMetrics({ registry, prefix: "app_" });
    metrics.counter("sent", { unit: "bytes", help: "Bytes\nsent \\ all." }).add(5);
    metrics.counter("calls_total").add();
    metrics.counter("read_total", { unit: "bytes" }).add();
    metrics.gauge("heap_bytes", { unit: "bytes" }).set(1.5);
    metrics.histogram("wait", { unit: "seconds", buckets: [1] }).observe(0.5);
    expect((await textOf(registry)).split("\n\n").slice(1).join("\n\n")).toBe(
      [
        "# HELP app_sent_bytes_total Bytes\\nsent \\\\ all.\n# TYPE app_sent_bytes_total counter\napp_sent_bytes_total 5",
        "# HELP app_calls_total app_calls_total\n# TYPE app_calls_total counter\napp_calls_total 1",
        "# HELP app_read_bytes_total app_read_bytes_total\n# TYPE app_read_bytes_total counter\napp_read_bytes_total 1",
        "# HELP app_heap_bytes app_heap_bytes\n# TYPE app_heap_bytes gauge\napp_heap_bytes 1.5",
        '# HELP app_wait_seconds app_wait_seconds\n# TYPE app_wait_seconds histogram\napp_wait_seconds_bucket{le="1"} 1\napp_wait_seconds_bucket{le="+Inf"} 1\napp_wait_seconds_sum 0.5\napp_wait_seconds_count 1\n',
      ].join("\n\n"),
    );
  });

  it("never touches the global registry", () => {
    const metrics = prometheusMetrics({ registry: new Registry() });
    metrics.counter("c");
    metrics.gauge("g");
    metrics.histogram("h");
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it("begins counters at 0 as soon as their labels are known, and gauges with their first value", async () => {
    const registry = new Registry();
    const metrics = prometheusMetrics({ registry });
    metrics.counter("c", { labels: ["code"] }).with({ code: "ok" });
    const gauge = metrics.gauge("g", { labels: ["zone"] }).with({ zone: "eu" });
    expect(find(parse(await textOf(registry)), "c_total", { code: "ok" })).toBe(0);
    expect(find(parse(await textOf(registry)), "g", { zone: "eu" })).toBeUndefined();
    gauge.add(-2);
    expect(find(parse(await textOf(registry)), "g", { zone: "eu" })).toBe(-2);
  });

  it("puts its default labels on its own series and no others, an instrument's value before them", async () => {
    const registry = new Registry();
    new Counter({ name: "mine_total", help: "mine", registers: [registry] }).inc();
    const defaultLabels: Record<string, string> = { zone: "eu", service: "shop" };
    const metrics = prometheusMetrics({ registry, defaultLabels });
    defaultLabels.zone = "changed";
    metrics.counter("c").add();
    metrics
      .histogram("h", { labels: ["service"], buckets: [1] })
      .with({ service: "own" })
      .observe(2);
    metrics.gauge("g", { labels: ["service"] }).set(3);
    const samples = parse(await textOf(registry));
    expect(find(samples, "mine_total", {})).toBe(1);
    expect(find(samples, "c_total", { zone: "eu", service: "shop" })).toBe(1);
    expect(find(samples, "h_count", { zone: "eu", service: "own" })).toBe(1);
    expect(find(samples, "g", { zone: "eu", service: "shop" })).toBe(3);
  });

  it("uses the provider's buckets where a histogram has none of its own, and freezes nobody's array", async () => {
    const registry = new Registry();
    const buckets = [1, 10];
    const own = [5];
    const metrics = prometheusMetrics({ registry, buckets });
    metrics.histogram("h").observe(2);
    metrics.histogram("i", { buckets: own }).observe(2);
    const bounds = parse(await textOf(registry))
      .filter(({ name }) => name.endsWith("_bucket"))
      .map(({ name, labels }) => `${name} ${labels.le}`);
    expect(bounds).toEqual(["h_bucket 1", "h_bucket 10", "h_bucket +Inf", "i_bucket 5", "i_bucket +Inf"]);
    expect([Object.isFrozen(buckets), Object.isFrozen(own)]).toEqual([false, false]);
  });

  it("forgets what a summary saw more than maxAgeMs ago, but not that it saw it", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const registry = new Registry();
      const metrics = prometheusMetrics({
        registry,
        summaries: { s: { quantiles: [0.5], maxAgeMs: 10_000, ageBuckets: 2 } },
      });
      const summary = metrics.histogram("s");
      summary.observe(100);
      vi.setSystemTime(Date.now() + 20_001);
      summary.observe(3);
      const samples = parse(await textOf(registry));
      expect(find(samples, "s", { quantile: "0.5" })).toBe(3);
      expect(find(samples, "s_count", {})).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it("goes on when the user resets the registry's values", async () => {
    const registry = new Registry();
    const metrics = prometheusMetrics({ registry });
    const [counter, histogram] = [metrics.counter("c"), metrics.histogram("h", { buckets: [1] })];
    counter.add(5);
    histogram.observe(1);
    registry.resetMetrics();
    counter.add(1);
    histogram.observe(1);
    const samples = parse(await textOf(registry));
    expect(find(samples, "c_total", {})).toBe(1);
    expect(find(samples, "h_count", {})).toBe(1);
  });

  it.each<[string, unknown, string]>([
    ["registry", { registry: undefined }, "prometheusMetrics: registry must be a Registry of prom-client"],
    ["registry", { registry: {} }, "prometheusMetrics: registry must be a Registry of prom-client"],
    ["exemplar", { exemplar: () => undefined }, "prometheusMetrics: exemplar needs registry.setContentType("],
    ["buckets", { buckets: [] }, "prometheusMetrics: buckets must be ascending finite numbers, got none"],
    ["buckets", { buckets: [2, 1] }, "prometheusMetrics: buckets must be ascending finite numbers, got 2, 1"],
    [
      "summaries",
      { summaries: { s: { quantiles: [2] } } },
      'prometheusMetrics: quantiles of summary "s" must be between 0 and 1',
    ],
    [
      "summaries",
      { summaries: { s: { maxAgeMs: 0 } } },
      'prometheusMetrics: maxAgeMs of summary "s" must be a positive number',
    ],
    [
      "summaries",
      { summaries: { s: { ageBuckets: 1.5 } } },
      'prometheusMetrics: ageBuckets of summary "s" must be a positive integer',
    ],
    ["defaultLabels", { defaultLabels: { "a-b": "1" } }, 'prometheusMetrics: "a-b" cannot be a label'],
    [
      "prefix",
      { prefix: "my-app_" },
      'prometheusMetrics: "my-app_metrics_refused_total" cannot be the name of a counter',
    ],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = (): Metrics => prometheusMetrics({ registry: new Registry(), ...(options as object) });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it.each<[string, (metrics: Metrics) => unknown, string]>([
    [
      "a dot in a name",
      (metrics) => metrics.counter("http.requests"),
      '"http.requests_total" cannot be the name of a counter',
    ],
    [
      "a unit that is no name",
      (metrics) => metrics.gauge("speed", { unit: "m/s" }),
      '"speed_m/s" cannot be the name of a gauge',
    ],
    ["a digit in front", (metrics) => metrics.gauge("4xx"), '"4xx" cannot be the name of a gauge'],
    ["a dash in a label", (metrics) => metrics.gauge("g", { labels: ["a-b"] }), '"a-b" cannot be a label of gauge "g"'],
    [
      "a label of Prometheus's own",
      (metrics) => metrics.gauge("g", { labels: ["__name__"] }),
      '"__name__" cannot be a label',
    ],
    [
      "le on a histogram",
      (metrics) => metrics.histogram("h", { labels: ["le"] }),
      '"le" cannot be a label of histogram "h"',
    ],
    [
      "quantile on a summary",
      (metrics) => metrics.histogram("s", { labels: ["quantile"] }),
      '"quantile" cannot be a label of summary "s"',
    ],
  ])("refuses what Prometheus would: %s", (_, ask, message) => {
    const metrics = prometheusMetrics({ registry: new Registry(), summaries: { s: {} } });
    expect(() => ask(metrics)).toThrow(TypeError);
    expect(() => ask(metrics)).toThrow(message);
  });

  it("takes registries of either format", () => {
    expectTypeOf<Registry>().toExtend<PrometheusMetricsOptions["registry"]>();
    expectTypeOf<Registry<OpenMetricsContentType>>().toExtend<PrometheusMetricsOptions["registry"]>();
    expect(() => prometheusMetrics({ registry: openMetricsRegistry() })).not.toThrow();
  });
});

describe("a name that is in the registry already", () => {
  it("is shared with the user's own metric of the same type and labels, at its present value", async () => {
    const registry = new Registry();
    const counter = new Counter({ name: "c_total", help: "mine", labelNames: ["a", "b"], registers: [registry] });
    counter.inc({ a: "1", b: "2" }, 5);
    new Gauge({ name: "g", help: "mine", registers: [registry] }).set(7);
    new Histogram({ name: "h", help: "mine", buckets: [3], registers: [registry] }).observe(1);
    const metrics = prometheusMetrics({ registry });
    metrics
      .counter("c", { labels: ["b", "a"] })
      .with({ a: "1", b: "2" })
      .add(2);
    metrics.gauge("g").add(1);
    metrics.histogram("h", { buckets: [1, 2] }).observe(2);
    const samples = parse(await textOf(registry));
    expect(find(samples, "c_total", { a: "1", b: "2" })).toBe(7);
    expect(find(samples, "g", {})).toBe(8);
    expect(find(samples, "h_bucket", { le: "3" })).toBe(2);
  });

  it.each<[string, (registry: Registry) => void, string]>([
    [
      "another type",
      (registry) => new Gauge({ name: "c_total", help: "mine", registers: [registry] }),
      "as a gauge with [], not a counter with [a]",
    ],
    [
      "other labels",
      (registry) => new Counter({ name: "c_total", help: "mine", labelNames: ["a", "b"], registers: [registry] }),
      "as a counter with [a, b], not a counter with [a]",
    ],
  ])("is refused with %s", (_, take, message) => {
    const registry = new Registry();
    take(registry);
    const ask = () => prometheusMetrics({ registry }).counter("c", { labels: ["a"] });
    expect(ask).toThrow(TypeError);
    expect(ask).toThrow(`prometheusMetrics: "c_total" is in the registry ${message}`);
  });

  it("is refused before there are calls when it is the count of what was refused", () => {
    const registry = new Registry();
    registry.registerMetric(new Gauge({ name: "metrics_refused_total", help: "mine", registers: [] }));
    expect(() => prometheusMetrics({ registry })).toThrow('"metrics_refused_total" is in the registry as a gauge');
  });

  it("stays until the last of several providers closes, and what is the user's stays for good", async () => {
    const registry = new Registry();
    registry.registerMetric(new Counter({ name: "mine_total", help: "mine", registers: [] }));
    const [one, other] = [prometheusMetrics({ registry }), prometheusMetrics({ registry })];
    for (const metrics of [one, other, one]) {
      metrics.counter("mine").add();
      metrics.counter("shared").add();
      metrics.counter("shared_total").add();
    }
    await one.close();
    await one.close();
    other.counter("shared").add();
    expect(find(parse(await textOf(registry)), "shared_total", {})).toBe(7);
    await other.close();
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(["mine_total"]);
    expect(find(parse(await textOf(registry)), "mine_total", {})).toBe(3);
    expect(() => prometheusMetrics({ registry }).counter("shared", { labels: ["new"] })).not.toThrow();
  });

  it("is left alone by close when it has become the user's in the meantime", async () => {
    const registry = new Registry();
    const metrics = prometheusMetrics({ registry });
    metrics.gauge("g");
    registry.clear();
    registry.registerMetric(new Gauge({ name: "g", help: "mine", registers: [] }));
    await metrics.close();
    expect(registry.getSingleMetric("g")).toBeDefined();
  });
});

const written = (trace_id: string, value: number) =>
  expect.stringMatching(new RegExp(` # \\{trace_id="${trace_id}"\\} ${value} \\d+(\\.\\d+)?$`));

describe("exemplars", () => {
  it("lead from counters and histograms to the call at hand", async () => {
    const registry = openMetricsRegistry();
    let trace: string | undefined = "t1";
    const metrics = prometheusMetrics({
      registry,
      exemplar: () => (trace === undefined ? undefined : { trace_id: trace }),
    });
    const counter = metrics.counter("c", { labels: ["a"] }).with({ a: "1" });
    const histogram = metrics.histogram("h", { labels: ["a"], buckets: [1, 2] }).with({ a: "1" });
    metrics.gauge("g").set(1);
    counter.add(2);
    histogram.observe(0.5);
    trace = undefined;
    counter.add(3);
    histogram.observe(1.5);
    trace = "t2";
    histogram.observe(9);
    const lines = (await textOf(registry)).split("\n");
    expect(lines.find((line) => line.startsWith('c_total{a="1"} 5'))).toEqual(written("t1", 2));
    expect(lines.find((line) => line.startsWith('h_bucket{le="1",a="1"} 1'))).toEqual(written("t1", 0.5));
    expect(lines.find((line) => line.startsWith('h_bucket{le="2",a="1"} 2'))).not.toContain("#");
    expect(lines.find((line) => line.startsWith('h_bucket{le="+Inf",a="1"} 3'))).toEqual(written("t2", 9));
    expect(lines.at(-2)).toBe("# EOF");
  });

  it("are told the context of the call that is measured, and leave out what they do not know", async () => {
    const registry = openMetricsRegistry();
    const trace = contextKey<string>("trace");
    const metrics = prometheusMetrics({
      registry,
      buckets: [60],
      exemplar: (ctx) => ({ trace_id: ctx?.get(trace), span_id: undefined }),
    });
    const echo = measured(metrics, { service: "s", name: "m" })(async (n: number) => n);
    await echo(1, background.with(trace, "t1"));
    metrics.counter("c").add(2, background.with(trace, "t2"));
    metrics.counter("without").add(3, background);
    const lines = (await textOf(registry)).split("\n");
    const line = (start: string) => lines.find((one) => one.startsWith(start));
    expect(line('request_duration_seconds_bucket{le="60"')).toMatch(/ 1 # \{trace_id="t1"\} /);
    expect(line("c_total")).toEqual(written("t2", 2));
    expect(line("without_total")).toBe("without_total 3");
  });

  it.each<[string, () => Record<string, string>]>([
    ["throw", () => JSON.parse("{")],
    ["are too long", () => ({ trace_id: "x".repeat(121) })],
    ["have a name that is none", () => ({ "trace-id": "x" })],
    ["are not there", () => ({})],
  ])("are left out when they %s, and the value is kept", async (_, exemplar) => {
    const registry = openMetricsRegistry();
    const metrics = prometheusMetrics({ registry, exemplar });
    metrics.counter("c").add(2);
    metrics.histogram("h", { buckets: [1] }).observe(0.5);
    const page = await textOf(registry);
    expect(page).toContain("\nc_total 2\n");
    expect(page).toContain('\nh_bucket{le="1"} 1\n');
  });

  it("may be on in the user's metric and off here, or the other way round", async () => {
    const registry = openMetricsRegistry();
    const mine = { help: "mine", registers: [] };
    registry.registerMetric(new Counter({ ...mine, name: "on_total", enableExemplars: true }));
    registry.registerMetric(new Histogram({ ...mine, name: "on_sizes", enableExemplars: true, buckets: [1] }));
    registry.registerMetric(new Counter({ ...mine, name: "off_total" }));
    const plain = prometheusMetrics({ registry });
    plain.counter("on").add(1);
    plain.histogram("on_sizes").observe(1);
    prometheusMetrics({ registry, exemplar: () => ({ trace_id: "t" }) })
      .counter("off")
      .add(2);
    const page = await textOf(registry);
    for (const line of ["on_total 1", 'on_sizes_bucket{le="1"} 1', "off_total 2"])
      expect(page).toContain(`\n${line}\n`);
  });
});
