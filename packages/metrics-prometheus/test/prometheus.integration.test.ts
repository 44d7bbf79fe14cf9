import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { connect } from "node:net";
import { background, contextKey } from "@kit/endpoint";
import { measured } from "@kit/metrics";
import { prometheus, promtool, type Server, startServer, whenStartable } from "@kit/servers";
import { Gauge, openMetricsContentType, type OpenMetricsContentType, Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { metricsPage, prometheusHandler, prometheusMetrics } from "../src/index.ts";
import { answers, ask, query } from "./promql.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

const openMetricsRegistry = (): Registry<OpenMetricsContentType> => {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(openMetricsContentType);
  return registry;
};
const formats = [
  ["text", () => new Registry()],
  ["OpenMetrics", openMetricsRegistry],
] as const;

whenStartable(prometheus, () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer(prometheus)));
  afterAll(() => server[Symbol.asyncDispose]());

  /** Lets Prometheus read this, until the test is over. */
  async function serve(listener: RequestListener): Promise<void> {
    const target = createServer(listener).listen(server.place.ports[1], "127.0.0.1");
    await once(target, "listening");
    onTestFinished(async () => {
      target.close();
      target.closeAllConnections();
      await once(target, "close");
    });
  }

  interface Target {
    readonly health: string;
    readonly lastError: string;
  }
  const target = async (): Promise<Target> =>
    (await ask<{ activeTargets: Target[] }>(server, "targets")).activeTargets[0]!;

  describe.each(formats)("prometheusMetrics, read as %s", (format, makeRegistry) => {
    const prefix = `${format.toLowerCase()}_`;

    it("has every number of its own in PromQL", async () => {
      const registry = makeRegistry();
      const metrics = prometheusMetrics({ registry, prefix, summaries: { sizes: { quantiles: [0.5, 0.9] } } });
      const numbers = [0, 1, 0.1, 123_456_789, 1e-7, 1e21, 0.30000000000000004, Number.MAX_VALUE];
      const counter = metrics.counter("c", { labels: ["n"], help: 'A "help"\nof two lines, \\ and all.' });
      const gauge = metrics.gauge("g", { labels: ["n"] });
      for (const [n, number] of numbers.entries()) {
        counter.with({ n: `${n}` }).add(number);
        gauge.with({ n: `${n}` }).set(0 - number);
      }
      const histogram = metrics.histogram("wait", { unit: "seconds", buckets: [0.1, 1, 2.5] });
      for (const value of [0.05, 0.1, 0.5, 2, 2.5, 100]) histogram.observe(value);
      for (let i = 1; i <= 100; i++) metrics.histogram("sizes", { unit: "bytes" }).observe(i);
      metrics.counter("sent", { unit: "bytes" }).add(5);
      await serve(prometheusHandler(registry));

      await answers(server, `${prefix}sent_bytes_total`, 5);
      const values = async (name: string, label: string) =>
        Object.fromEntries((await query(server, prefix + name)).map(({ labels, value }) => [labels[label], value]));
      expect(await values("c_total", "n")).toEqual(Object.fromEntries(numbers.entries()));
      expect(await values("g", "n")).toEqual(Object.fromEntries(numbers.map((number, n) => [n, 0 - number])));
      const buckets = Object.entries(await values("wait_seconds_bucket", "le"));
      expect(buckets.map(([le, count]) => [Number(le.replace("+Inf", "Infinity")), count])).toEqual(
        expect.arrayContaining([
          [0.1, 2],
          [1, 3],
          [2.5, 5],
          [Infinity, 6],
        ]),
      );
      expect(buckets).toHaveLength(4);
      await answers(server, `${prefix}wait_seconds_count`, 6);
      await answers(server, `${prefix}wait_seconds_sum`, 0.05 + 0.1 + 0.5 + 2 + 2.5 + 100);
      await answers(server, `histogram_quantile(0.5, ${prefix}wait_seconds_bucket)`, 1);
      expect(await values("sizes_bytes", "quantile")).toEqual({ 0.5: 50.5, 0.9: 90.5 });
      await answers(server, `${prefix}sizes_bytes_sum`, 5050);

      type Metadata = Record<string, readonly { readonly type: string; readonly help: string }[]>;
      const metadata = await ask<Metadata>(server, "metadata");
      const told = (name: string) => metadata[prefix + name]?.map(({ type }) => type);
      expect([told("wait_seconds"), told("sizes_bytes"), told("g")]).toEqual([["histogram"], ["summary"], ["gauge"]]);
      const help = [`${prefix}c`, `${prefix}c_total`].flatMap((name) => metadata[name] ?? []);
      expect(help).toEqual([{ type: "counter", help: 'A "help"\nof two lines, \\ and all.', unit: "" }]);
    });

    it("goes on, with whatever strangers put in its labels", async () => {
      const registry = makeRegistry();
      const counter = prometheusMetrics({ registry, prefix }).counter("hostile", { labels: ["a"] });
      const values = [
        "line\nbreak",
        'quo"te',
        "back\\slash",
        "\\n",
        '"} 1\nforged{a="',
        "\r\n",
        "日本 👩‍🚀",
        "# EOF",
        "\0",
      ];
      for (const [i, a] of values.entries()) counter.with({ a }).add(i + 1);
      await serve(prometheusHandler(registry));
      await answers(server, `sum(${prefix}hostile_total)`, (values.length * (values.length + 1)) / 2);
      const read = await query(server, `${prefix}hostile_total`);
      expect(Object.fromEntries(read.map(({ labels, value }) => [labels["a"], value]))).toEqual(
        Object.fromEntries(values.map((a, i) => [a, i + 1])),
      );
      expect(await query(server, "forged")).toEqual([]);
      expect(await target()).toMatchObject({ health: "up", lastError: "" });
    });

    it("measures calls number for number, over a page that is zipped", async () => {
      const registry = makeRegistry();
      const metrics = prometheusMetrics({ registry, prefix });
      let encoding: unknown;
      const handler = prometheusHandler(registry);
      let now = 0;
      for (let i = 0; i < 30; i++) {
        const call = measured(metrics, { service: "shop", name: `m${i}`, now: () => now });
        const endpoint = call(async (ms: number) => {
          now += ms;
          if (ms > 1000) throw new Error("slow");
        });
        for (const ms of [4, 40, 400, 4000]) await endpoint(ms, background).catch(() => {});
      }
      await serve((request, response) => {
        const head = vi.spyOn(response, "writeHead");
        handler(request, response);
        response.on(
          "finish",
          () => (encoding = (head.mock.lastCall![1] as unknown as Record<string, string>)["content-encoding"]),
        );
      });
      const name = `${prefix}request_duration_seconds`;
      await answers(server, `sum(${name}_count)`, 120);
      await answers(server, `sum(${name}_count{code="unknown"})`, 30);
      await answers(server, `sum(${name}_bucket{method="m7", le=~"0.05"})`, 2);
      await answers(server, `round(sum(${name}_sum{method="m7"}), 0.001)`, 4.444);
      await answers(server, `sum(${prefix}requests_in_flight)`, 0);
      expect(encoding).toBe("gzip");
    });
  });

  it("keeps exemplars, each with the trace of its call", async () => {
    const registry = openMetricsRegistry();
    const trace = contextKey<string>("trace");
    const metrics = prometheusMetrics({
      registry,
      prefix: "ex_",
      buckets: [1, 10],
      exemplar: (ctx) => ({ trace_id: ctx?.get(trace) }),
    });
    let now = 0;
    const call = measured(metrics, { service: "s", name: "m", now: () => now })(async (ms: number) => void (now += ms));
    await call(500, background.with(trace, "fast"));
    await call(5000, background.with(trace, "slow"));
    metrics.counter("orders").add(3, background.with(trace, "order"));
    await serve(prometheusHandler(registry));
    await answers(server, "ex_orders_total", 3);
    interface Found {
      readonly seriesLabels: Readonly<Record<string, string>>;
      readonly exemplars: readonly { readonly labels: object; readonly value: string }[];
    }
    const [start, end] = [Date.now() / 1000 - 600, Date.now() / 1000 + 600].map(String) as [string, string];
    const found = await vi.waitFor(
      async () => {
        const all = await ask<Found[]>(server, "query_exemplars", { query: '{__name__=~"ex_.*"}', start, end });
        expect(all).toHaveLength(3);
        return all;
      },
      { timeout: 30_000, interval: 50 },
    );
    const told = found.flatMap(({ seriesLabels: { __name__, le }, exemplars }) =>
      exemplars.map(({ labels, value }) => [__name__, Number(le ?? 0), labels, Number(value)]),
    );
    expect(told).toHaveLength(3);
    expect(told).toEqual(
      expect.arrayContaining([
        ["ex_orders_total", 0, { trace_id: "order" }, 3],
        ["ex_request_duration_seconds_bucket", 1, { trace_id: "fast" }, 0.5],
        ["ex_request_duration_seconds_bucket", 10, { trace_id: "slow" }, 5],
      ]),
    );
  });

  it("is down while a page cannot be had, and there again with nothing lost", async () => {
    const registry = new Registry();
    const counter = prometheusMetrics({ registry }).counter("faulty");
    let broken = false;
    const gauge = new Gauge({
      name: "broken",
      help: "help",
      registers: [],
      collect() {
        if (broken) throw new Error("secret reason");
      },
    });
    registry.registerMetric(gauge);
    const until = (state: object) =>
      vi.waitFor(async () => expect(await target()).toMatchObject(state), { timeout: 30_000, interval: 50 });
    await serve(prometheusHandler(registry));
    counter.add(3);
    await answers(server, "faulty_total", 3);
    broken = true;
    await until({ health: "down", lastError: expect.stringContaining("500") });
    expect((await target()).lastError).not.toContain("secret");
    counter.add(4);
    broken = false;
    await answers(server, "faulty_total", 7);
    await until({ health: "up", lastError: "" });
  });

  it("takes no harm from a Prometheus that is stopped while it reads, and is read again", async () => {
    const registry = new Registry();
    const counter = prometheusMetrics({ registry }).counter("stopped", { labels: ["n"] });
    for (let n = 0; n < 2000; n++) counter.with({ n: `${n}` }).add(n);
    await serve(prometheusHandler(registry));
    await answers(server, "sum(stopped_total)", 1_999_000);
    server.pause();
    counter.with({ n: "1" }).add(1);
    server.resume();
    await answers(server, "sum(stopped_total)", 1_999_001);
    await server.restart();
    counter.with({ n: "1" }).add(1);
    await answers(server, "sum(stopped_total)", 1_999_002);
    expect(await target()).toMatchObject({ health: "up", lastError: "" });
  });
});

it("lets a scraper hang up in the middle of a page", async () => {
  const registry = new Registry();
  const gauge = prometheusMetrics({ registry }).gauge("many", { labels: ["n"] });
  for (let n = 0; n < 2000; n++) gauge.with({ n: `${n}` }).set(n);
  const target = createServer(prometheusHandler(registry)).listen(0, "127.0.0.1");
  await once(target, "listening");
  const { port } = target.address() as { port: number };
  for (let i = 0; i < 10; i++) {
    const socket = connect(port, "127.0.0.1");
    socket.end("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
    await once(socket, i % 2 ? "connect" : "data");
    socket.destroy();
  }
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('\nmany{n="1999"} 1999\n');
  target.close();
});

whenStartable(prometheus, () => {
  it.each(formats)(
    "writes a page with which promtool finds no fault, from a registry in %s",
    async (_, makeRegistry) => {
      const registry = makeRegistry();
      const metrics = prometheusMetrics({ registry, prefix: "shop_", summaries: { sizes: {} } });
      await measured(metrics, { service: "shop", name: "order" })(async () => {})(undefined, background);
      metrics
        .counter("orders", { help: "Orders taken.", labels: ["country"] })
        .with({ country: "d\ne" })
        .add(3);
      metrics.gauge("queue", { help: "Orders that wait." }).set(-2);
      metrics.histogram("sizes", { help: "Sizes of orders.", unit: "bytes" }).observe(3);
      const { body } = await metricsPage(registry, "text/plain");
      expect(await promtool(["check", "metrics"], body)).toBe("");
    },
  );

  it("would be told of a page that is wrong", async () => {
    await expect(promtool(["check", "metrics"], "a b c\n")).rejects.toThrow("text format parsing error");
    await expect(promtool(["check", "metrics"], "# TYPE a counter\na 1\n")).rejects.toThrow("no help text");
  });
});
