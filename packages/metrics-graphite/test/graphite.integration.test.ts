import { carbon, startServer, whenStartable } from "@kit/servers";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { graphiteMetrics } from "../src/index.ts";
import { carbonReader, pointsWith, sumOf } from "./carbon.ts";

vi.setConfig({ testTimeout: 120_000 });

const numbers = [1, 0.1, 123_456_789, 1e-7, 1e21, 0.30000000000000004];

describe.each(["tcp", "udp"] as const)("graphiteMetrics over %s", (protocol) => {
  whenStartable(carbon, () => {
    it("has every number of its own in carbon's files", async () => {
      await using server = await startServer(carbon);
      await using reader = carbonReader();
      // Two hours ago, for younger values stay in the cache.
      const now = Date.now() - 7_200_000;
      const metrics = graphiteMetrics({ protocol, port: server.port, resolutionMs: 10_000, now: () => now });
      const long = "x".repeat(256);
      for (const [i, number] of numbers.entries()) {
        metrics
          .counter(`c${i}`, { labels: ["path"] })
          .with({ path: long })
          .add(number);
        metrics.gauge(`g${i}`).set(-number);
        metrics.histogram(`h${i}`).observe(number);
      }
      await metrics.close();
      const step = Math.floor(now / 10_000) * 10;
      const stored = (path: string) => pointsWith(() => reader.stored(server, path));
      for (const [i, number] of numbers.entries()) {
        expect(await stored(`c${i}.path.${long.slice(0, 240)}`)).toEqual([[step, number]]);
        expect(await stored(`g${i}`)).toEqual([[step, -number]]);
        expect(await stored(`h${i}.count`)).toEqual([[step, 1]]);
        expect(await stored(`h${i}.p99`)).toEqual([[step, number]]);
      }
    });

    it("is there again after carbon was killed and started anew", async () => {
      await using server = await startServer(carbon);
      await using reader = carbonReader();
      const metrics = graphiteMetrics({ protocol, port: server.port, flushIntervalMs: 10, resolutionMs: 1000 });
      const [counter, gauge] = [metrics.counter("c"), metrics.gauge("g")];
      const last = (value: number) =>
        pointsWith(
          () => reader.cached(server, "g"),
          (points) => points.at(-1)?.[1] === value,
        );
      counter.add(3);
      gauge.set(7);
      await last(7);
      await server.kill();
      gauge.add(1);
      await server.restart();
      await last(8);
      counter.add(5);
      const points = await pointsWith(
        () => reader.cached(server, "c"),
        (now) => now.some(([, value]) => value >= 5),
      );
      // A step that carbon had in its cache was sent again if it went on, and is gone if it was over.
      expect([5, 8]).toContain(sumOf(points));
      await metrics.close();
    });
  });
});

whenStartable(carbon, () => {
  it("gives carbon that was stopped the whole sum of what came meanwhile", async () => {
    await using server = await startServer(carbon);
    await using reader = carbonReader();
    let clock = Date.now();
    let flushes = 0;
    const now = (): number => {
      flushes++;
      return clock;
    };
    const metrics = graphiteMetrics({ port: server.port, flushIntervalMs: 10, resolutionMs: 1000, now });
    const counter = metrics.counter("c");
    const hasSum = (sum: number) =>
      pointsWith(
        () => reader.cached(server, "c"),
        (points) => sumOf(points) === sum,
      );
    counter.add(1);
    await hasSum(1);
    server.pause();
    for (let step = 0; step < 10; step++) {
      counter.add(10);
      const before = flushes;
      await vi.waitUntil(() => flushes > before, { timeout: 20_000 });
      clock += 1000;
    }
    server.resume();
    const points = await hasSum(101);
    expect(new Set(points.map(([time]) => time)).size).toBeGreaterThanOrEqual(10);
    expect(await reader.cached(server, "metrics_dropped_total")).not.toContainEqual([expect.anything(), 1]);
    await metrics.close();
  });

  it("closes in time when carbon is stopped", async () => {
    await using server = await startServer(carbon);
    await using reader = carbonReader();
    server.pause();
    const metrics = graphiteMetrics({ port: server.port, closeTimeoutMs: 50 });
    metrics.counter("c").add();
    await metrics.close();
    server.resume();
    // The kernel had taken it.
    expect(sumOf(await pointsWith(() => reader.cached(server, "c")))).toBe(1);
  });

  it("writes no value that would become another tag, or no line", async () => {
    await using server = await startServer(carbon);
    await using reader = carbonReader();
    const metrics = graphiteMetrics({ port: server.port, flushIntervalMs: 5, tags: true });
    const counter = metrics.counter("c", { labels: ["a", "b"], maxSeries: 1_000_000 });
    const awkward = fc.constantFrom(..." ;~=!^{}\"',.\n\r\t\0\u0085\u2028\u001c\u00a0\\é日👩".split(""));
    const anyText = fc.string({
      unit: fc.oneof(awkward, fc.string({ unit: "binary", minLength: 1, maxLength: 1 })),
      minLength: 1,
    });
    const expected = (value: string): string => value.toWellFormed().replace(/^~|[\s\p{Cc};"]/gu, "_");
    await fc.assert(
      fc.asyncProperty(anyText, anyText, async (a, b) => {
        const path = `c;a=${expected(a)};b=${expected(b)}`;
        counter.with({ a, b }).add(1);
        const points = await pointsWith(() => reader.cached(server, path));
        expect(sumOf(points)).toBeGreaterThanOrEqual(1);
        expect(await reader.tags(path)).toEqual({ name: "c", a: expected(a), b: expected(b) });
      }),
      { numRuns: 100 },
    );
    await metrics.close();
  });
});
