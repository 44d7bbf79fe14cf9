import { startServer, statsdExporter, whenStartable } from "@kit/servers";
import fc from "fast-check";
import { StatsD } from "hot-shots";
import { describe, expect, it, vi } from "vitest";
import { dogstatsdMetrics } from "../src/index.ts";
import { hasReadAll, pageWith, sampleOf } from "./exporter.ts";

vi.setConfig({ testTimeout: 120_000 });

const numbers = [1, 0.1, 123_456_789, 1e-7, 1e21, 0.30000000000000004];

/** What a stranger may send. */
const awkward = fc.constantFrom(..." ,=[]\\\"'\n\r\t\0\u0085\u2028:|@#;~é日👩".split(""));
const anyText = fc.string({
  unit: fc.oneof(awkward, fc.string({ unit: "binary", minLength: 1, maxLength: 1 })),
  minLength: 1,
  maxLength: 20,
});

const closed = (client: StatsD) => new Promise<void>((resolve) => client.close(() => resolve()));

const inFlight = (client: StatsD): number => (client as unknown as { messagesInFlight: number }).messagesInFlight;

whenStartable(statsdExporter, () => {
  const ways = [
    { protocol: "udp", maxBufferSize: 1432 },
    { protocol: "udp", maxBufferSize: 0 },
    { protocol: "tcp", maxBufferSize: 1432 },
  ] as const;
  describe.each(ways)("dogstatsdMetrics over $protocol, with a buffer of $maxBufferSize bytes", (way) => {
    it("has every number of its own in the daemon, and not one line that it cannot read", async () => {
      await using server = await startServer(statsdExporter);
      const client = new StatsD({ ...way, host: "127.0.0.1", port: server.port });
      const types = ["histogram", "distribution", "timing"] as const;
      const metrics = dogstatsdMetrics({
        client,
        flushIntervalMs: 60_000,
        tags: { host: "h" },
        histogramType: Object.fromEntries(types.map((type) => [`${type}_value`, type])),
      });
      for (const [i, number] of numbers.entries()) {
        metrics.counter(`c${i}`).add(number);
        metrics.gauge(`g${i}`).set(-number);
        metrics.histogram(`h${i}`).observe(number);
      }
      for (const type of types) metrics.histogram(`${type}_value`).observe(250);
      await metrics.close();
      const host = { host: "h" };
      const page = await pageWith(server, (now) => now.get(sampleOf("g5", host)) === -numbers[5]!);
      for (const [i, number] of numbers.entries()) {
        expect(page.get(sampleOf(`c${i}`, host))).toBe(number);
        expect(page.get(sampleOf(`g${i}`, host))).toBe(-number);
        expect(page.get(sampleOf(`h${i}_sum`, host))).toBe(number);
        expect(page.get(sampleOf(`h${i}_count`, host))).toBe(1);
      }
      expect(page.get(sampleOf("histogram_value_sum", host))).toBe(250);
      expect(page.get(sampleOf("distribution_value_sum", host))).toBe(250);
      // The daemon takes a timing for milliseconds.
      expect(page.get(sampleOf("timing_value_sum", host))).toBe(0.25);
      expect(hasReadAll(page)).toBe(true);
      await closed(client);
    });
  });

  it("is there again after the daemon was killed and started anew", async () => {
    await using server = await startServer(statsdExporter);
    const client = new StatsD({ host: "127.0.0.1", port: server.port, maxBufferSize: 1432 });
    const metrics = dogstatsdMetrics({ client, flushIntervalMs: 10 });
    const gauge = metrics.gauge("g", { labels: ["a"] }).with({ a: "b" });
    const shows = (value: number) => pageWith(server, (page) => page.get(sampleOf("g", { a: "b" })) === value);
    gauge.set(7);
    await shows(7);
    await server.kill();
    gauge.add(1);
    for (let i = 0; i < 1000; i++) metrics.histogram("h").observe(i);
    await server.restart();
    expect(hasReadAll(await shows(8))).toBe(true);
    await metrics.close();
    await closed(client);
  });

  it("holds no more than maxInFlight packets for a daemon that is stopped, and gives it the count of the rest", async () => {
    await using server = await startServer(statsdExporter);
    const client = new StatsD({ protocol: "tcp", host: "127.0.0.1", port: server.port, maxBufferSize: 1432 });
    const metrics = dogstatsdMetrics({ client, flushIntervalMs: 10, maxInFlight: 100 });
    const observed = metrics.histogram("h");
    observed.observe(0);
    await pageWith(server, (page) => page.get("h_count") === 1);
    server.pause();
    for (let i = 1; i < 200_000; i++) observed.observe(i);
    expect(inFlight(client)).toBe(100);
    server.resume();
    const all = await pageWith(
      server,
      (page) => page.get("h_count")! + (page.get("metrics_dropped_total") ?? 0) === 200_000,
    );
    expect(all.get("metrics_dropped_total")).toBeGreaterThan(0);
    await metrics.close();
    await closed(client);
  });

  it("lets the daemon count sampled values right", async () => {
    await using server = await startServer(statsdExporter);
    const client = new StatsD({ protocol: "tcp", host: "127.0.0.1", port: server.port, maxBufferSize: 1432 });
    const metrics = dogstatsdMetrics({ client, sampleRates: { h: 0.25 }, maxInFlight: 100_000 });
    for (let i = 0; i < 4000; i++) metrics.histogram("h").observe(1);
    metrics.gauge("end").set(1);
    await metrics.close();
    const page = await pageWith(server, (now) => now.get("end") === 1);
    // Six deviations to either side, four for each that was sent.
    expect(page.get("h_count")).toBeGreaterThan(4000 - 24 * Math.sqrt(750));
    expect(page.get("h_count")).toBeLessThan(4000 + 24 * Math.sqrt(750));
    expect(page.get("h_count")! % 4).toBe(0);
    await closed(client);
  });

  it("writes no tag that the daemon cannot read, or reads as another", async () => {
    await using server = await startServer(statsdExporter);
    const client = new StatsD({ host: "127.0.0.1", port: server.port, maxBufferSize: 1432 });
    const metrics = dogstatsdMetrics({ client, tags: { last: "l" } });
    const counter = metrics.counter("c", { labels: ["a", "b"] });
    const want = new Map<string, number>();
    for (const [a, b] of fc.sample(fc.tuple(anyText, anyText), 500)) {
      counter.with({ a, b }).add();
      const [cleanA, cleanB] = [a, b].map((value) => value.toWellFormed().replace(/[|,#@\p{Cc}]/gu, "_"));
      const sample = sampleOf("c", { a: cleanA!, b: cleanB!, last: "l" });
      want.set(sample, (want.get(sample) ?? 0) + 1);
    }
    metrics.gauge("end").set(1);
    await metrics.close();
    const page = await pageWith(server, (now) => now.get(sampleOf("end", { last: "l" })) === 1);
    expect(new Map([...page].filter(([sample]) => sample.startsWith("c{")))).toEqual(want);
    expect(hasReadAll(page)).toBe(true);
    await closed(client);
  });
});
