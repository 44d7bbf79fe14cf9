import { influxdb, startServer, statsdExporter, victoriametrics, whenStartable } from "@kit/servers";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { influxMetrics, influxStatsdMetrics } from "../src/index.ts";
import { hasReadAll, pageWith, sampleOf } from "./exporter.ts";
import { pointsOf, pointsWith, query, seriesOf, sumOf } from "./influx.ts";
import { until } from "./web.ts";

vi.setConfig({ testTimeout: 120_000 });

const numbers = [1, 0.1, 123_456_789, 1e-7, 1e21, 0.30000000000000004];

/** What a stranger may send. */
const awkward = fc.constantFrom(..." ,=[]\\\"'\n\r\t\0\u0085\u2028:|@#;~é日👩".split(""));
const anyText = fc.string({
  unit: fc.oneof(awkward, fc.string({ unit: "binary", minLength: 1, maxLength: 1 })),
  minLength: 1,
  maxLength: 20,
});

whenStartable(influxdb, () => {
  it.each(["http", "udp"] as const)("has every number of its own in InfluxDB over %s", async (protocol) => {
    await using server = await startServer(influxdb);
    await query(server, `CREATE DATABASE ${protocol}`);
    const url = protocol === "http" ? server.url : `udp://127.0.0.1:${server.place.ports[2]}`;
    const metrics = influxMetrics({ url, ...(protocol === "http" && { database: "http" }), tags: { host: "h" } });
    for (const [i, number] of numbers.entries()) {
      metrics.counter(`c${i}`).add(number);
      metrics.gauge(`g${i}`).set(-number);
      metrics.histogram(`h${i}`).observe(number);
    }
    const before = Date.now();
    await metrics.close();
    const points = (name: string) =>
      pointsWith(
        () => pointsOf(server, protocol, name, { host: "h" }),
        ({ length }) => length === 1,
      );
    for (const [i, number] of numbers.entries()) {
      const [{ time = 0, ...sum } = {}] = await points(`c${i}`);
      expect(sum).toEqual({ count: number });
      expect(time).toBeGreaterThanOrEqual(before);
      expect(await points(`g${i}`)).toEqual([{ time, value: -number }]);
      const quantiles = { p50: number, p90: number, p95: number, p99: number };
      expect(await points(`h${i}`)).toEqual([{ time, count: 1, sum: number, ...quantiles }]);
    }
  });

  it("loses and doubles nothing when the server is killed again and again", async () => {
    await using server = await startServer(influxdb);
    await query(server, "CREATE DATABASE db");
    const metrics = influxMetrics({ url: server.url, database: "db", flushIntervalMs: 5 });
    const counter = metrics.counter("c");
    let added = 0;
    const adding = setInterval(() => {
      counter.add();
      added++;
    }, 1);
    for (let i = 0; i < 3; i++) {
      const seen = sumOf(await pointsOf(server, "db", "c"), "count");
      await pointsWith(
        () => pointsOf(server, "db", "c"),
        (points) => sumOf(points, "count") > seen,
      );
      await server.restart();
    }
    clearInterval(adding);
    await pointsWith(
      () => pointsOf(server, "db", "c"),
      (points) => sumOf(points, "count") === added,
    );
    await metrics.close();
    expect(await seriesOf(server, "db", "metrics_dropped_total")).toEqual([]);
  });

  it("loses and doubles nothing when the server is stopped for longer than it waits", async () => {
    await using server = await startServer(influxdb);
    await query(server, "CREATE DATABASE db");
    const errors: string[] = [];
    const metrics = influxMetrics({
      url: server.url,
      database: "db",
      flushIntervalMs: 5,
      requestTimeoutMs: 100,
      onError: ({ message }) => errors.push(message),
    });
    const counter = metrics.counter("c");
    counter.add();
    await pointsWith(
      () => pointsOf(server, "db", "c"),
      (points) => sumOf(points, "count") === 1,
    );
    server.pause();
    const adding = setInterval(() => counter.add(), 1);
    await until(() => errors.length > 0);
    clearInterval(adding);
    counter.add();
    metrics.gauge("end").set(1);
    server.resume();
    await pointsWith(
      () => pointsOf(server, "db", "end"),
      ({ length }) => length > 1,
    );
    await metrics.close();
    expect(errors).toEqual(["influxMetrics: no answer within 100 ms"]);
    const all = await pointsOf(server, "db", "c");
    expect(new Set(all.map(({ time }) => time)).size).toBe(all.length);
    expect(await seriesOf(server, "db", "metrics_dropped_total")).toEqual([]);
  });

  it("keeps lines for a database that is not there yet", async () => {
    await using server = await startServer(influxdb);
    const errors: Error[] = [];
    const metrics = influxMetrics({
      url: server.url,
      database: "later",
      flushIntervalMs: 10,
      onError: (error) => errors.push(error),
    });
    metrics.counter("c").add(3);
    await until(() => errors.length > 0);
    expect(errors[0]?.message).toBe("influxMetrics: the server answered 404");
    expect(String(errors[0]?.cause)).toContain("database not found");
    await query(server, "CREATE DATABASE later");
    await pointsWith(
      () => pointsOf(server, "later", "c"),
      (points) => sumOf(points, "count") === 3,
    );
    await metrics.close();
  });

  it("counts the lines that InfluxDB does not take, and has the others stored", async () => {
    await using server = await startServer(influxdb);
    await query(server, "CREATE DATABASE db");
    await fetch(`${server.url}/write?db=db`, { method: "POST", body: 'bad value="a text"' });
    const metrics = influxMetrics({ url: server.url, database: "db", flushIntervalMs: 60_000 });
    metrics.counter("good").add(2);
    const bad = metrics.gauge("bad");
    bad.set(1);
    await metrics.close();
    expect(sumOf(await pointsOf(server, "db", "good"), "count")).toBe(2);
    const again = influxMetrics({ url: server.url, database: "db", flushIntervalMs: 5 });
    again.gauge("bad").set(1);
    await pointsWith(
      () => pointsOf(server, "db", "metrics_dropped_total"),
      (points) => sumOf(points, "count") >= 2,
    );
    await again.close();
  });

  it("closes in time when the server is stopped", async () => {
    await using server = await startServer(influxdb);
    await query(server, "CREATE DATABASE db");
    server.pause();
    const errors: string[] = [];
    const metrics = influxMetrics({
      url: server.url,
      database: "db",
      closeTimeoutMs: 50,
      onError: ({ message }) => errors.push(message),
    });
    metrics.counter("c").add();
    await metrics.close();
    server.resume();
    expect(errors).toEqual(["influxMetrics: closed with 1 lines unsent"]);
  });

  it("has any tags in InfluxDB as they were, but for what a line cannot hold", async () => {
    await using server = await startServer(influxdb);
    await query(server, "CREATE DATABASE db");
    let name = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(anyText, anyText), { minLength: 1, maxLength: 50 }), async (pairs) => {
        const metrics = influxMetrics({ url: server.url, database: "db" });
        const counter = metrics.counter(`c${++name}`, { labels: ["a", "b"] });
        const want = new Map<string, number>();
        for (const [a, b] of pairs) {
          counter.with({ a, b }).add();
          const key = JSON.stringify([a, b].map((value) => value.toWellFormed().replace(/\p{Cc}|\\$/gu, "_")));
          want.set(key, (want.get(key) ?? 0) + 1);
        }
        await metrics.close();
        const series = await seriesOf(server, "db", `c${name}`);
        expect(
          new Map(series.map(({ tags: { a, b }, points }) => [JSON.stringify([a, b]), sumOf(points, "count")])),
        ).toEqual(want);
      }),
      { numRuns: 50 },
    );
  });
});

interface Exported {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

whenStartable(victoriametrics, () => {
  it("is understood by the API of version 2", async () => {
    await using server = await startServer(victoriametrics);
    const metrics = influxMetrics({ url: server.url, bucket: "b", org: "o", token: "t" });
    // It keeps 15 digits of a number.
    const kept = numbers.slice(0, -1);
    for (const [i, number] of kept.entries()) {
      metrics
        .counter("c", { labels: ["nth", "text"] })
        .with({ nth: String(i), text: "a b,c=d" })
        .add(number);
    }
    await metrics.close();
    const read = await vi.waitUntil(
      async () => {
        await fetch(`${server.url}/internal/force_flush`);
        const response = await fetch(`${server.url}/api/v1/export?match[]=c_count`);
        const lines = (await response.text()).split("\n").filter((line) => line !== "");
        return lines.length === kept.length && lines.map((line) => JSON.parse(line) as Exported);
      },
      { timeout: 30_000 },
    );
    const found = new Map(read.map(({ metric, values }) => [`${metric["nth"]} ${metric["text"]}`, values]));
    for (const [i, number] of kept.entries()) expect(found.get(`${i} a b,c=d`)).toEqual([number]);
  });
});

whenStartable(statsdExporter, () => {
  describe.each(["udp", "tcp"] as const)("influxStatsdMetrics over %s", (protocol) => {
    it("has every number of its own in the daemon, and not one line that it cannot read", async () => {
      await using server = await startServer(statsdExporter);
      const metrics = influxStatsdMetrics({
        protocol,
        port: server.port,
        flushIntervalMs: 60_000,
        tags: { host: "h" },
      });
      for (const [i, number] of numbers.entries()) {
        metrics.counter(`c${i}`).add(number);
        metrics.gauge(`g${i}`).set(-number);
        metrics.histogram(`h${i}`).observe(number);
      }
      await metrics.close();
      const host = { host: "h" };
      const page = await pageWith(server, (now) => now.get(sampleOf("g5", host)) === -numbers[5]!);
      for (const [i, number] of numbers.entries()) {
        expect(page.get(sampleOf(`c${i}`, host))).toBe(number);
        expect(page.get(sampleOf(`g${i}`, host))).toBe(-number);
        expect(page.get(sampleOf(`h${i}_sum`, host))).toBe(number);
        expect(page.get(sampleOf(`h${i}_count`, host))).toBe(1);
      }
      expect(hasReadAll(page)).toBe(true);
    });

    it("is there again after the daemon was killed and started anew", async () => {
      await using server = await startServer(statsdExporter);
      const metrics = influxStatsdMetrics({ protocol, port: server.port, flushIntervalMs: 10 });
      const gauge = metrics.gauge("g", { labels: ["a"] }).with({ a: "b" });
      const shows = (value: number) => pageWith(server, (page) => page.get(sampleOf("g", { a: "b" })) === value);
      gauge.set(7);
      await shows(7);
      await server.kill();
      gauge.add(1);
      await server.restart();
      expect(hasReadAll(await shows(8))).toBe(true);
      await metrics.close();
    });
  });

  it("lets the daemon count sampled values right", async () => {
    await using server = await startServer(statsdExporter);
    const metrics = influxStatsdMetrics({ protocol: "tcp", port: server.port, sampleRates: { h: 0.25 } });
    for (let i = 0; i < 4000; i++) metrics.histogram("h").observe(1);
    metrics.gauge("end").set(1);
    await metrics.close();
    const page = await pageWith(server, (now) => now.get("end") === 1);
    // Six deviations to either side, four for each that was sent.
    expect(page.get("h_count")).toBeGreaterThan(4000 - 24 * Math.sqrt(750));
    expect(page.get("h_count")).toBeLessThan(4000 + 24 * Math.sqrt(750));
    expect(page.get("h_count")! % 4).toBe(0);
  });

  it("writes no tag that the daemon cannot read, or reads as another", async () => {
    await using server = await startServer(statsdExporter);
    const metrics = influxStatsdMetrics({ protocol: "tcp", port: server.port, tags: { last: "l" } });
    const counter = metrics.counter("c", { labels: ["a", "b"] });
    const want = new Map<string, number>();
    for (const [a, b] of fc.sample(fc.tuple(anyText, anyText), 1000)) {
      counter.with({ a, b }).add();
      const [cleanA, cleanB] = [a, b].map((value) => value.toWellFormed().replace(/[,=:|@#[\]\\\s\p{Cc}]/gu, "_"));
      const sample = sampleOf("c", { a: cleanA!, b: cleanB!, last: "l" });
      want.set(sample, (want.get(sample) ?? 0) + 1);
    }
    metrics.gauge("end").set(1);
    await metrics.close();
    const page = await pageWith(server, (now) => now.get(sampleOf("end", { last: "l" })) === 1);
    expect(new Map([...page].filter(([sample]) => sample.startsWith("c{")))).toEqual(want);
    expect(hasReadAll(page)).toBe(true);
  });
});
