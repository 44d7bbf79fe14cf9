import { startServer, statsd, whenStartable } from "@kit/servers";
import { describe, expect, it, vi } from "vitest";
import { statsdMetrics } from "../src/index.ts";
import { seenWith } from "./daemon.ts";

vi.setConfig({ testTimeout: 120_000 });

describe.each(["udp", "tcp"] as const)("statsdMetrics over %s", (protocol) => {
  whenStartable(statsd, () => {
    it("has every number of its own in the daemon, and not one line that it cannot read", async () => {
      await using server = await startServer(statsd);
      const metrics = statsdMetrics({ protocol, port: server.port, flushIntervalMs: 10 });
      const numbers = [1, 0.1, 123_456_789, 1e-7, 1e21, 0.30000000000000004];
      for (const [i, number] of numbers.entries()) {
        metrics.counter(`c${i}`).add(number);
        metrics.gauge(`g${i}`).set(-number);
        metrics.histogram(`h${i}`).observe(number);
      }
      await metrics.close();
      const { counters, gauges, timers } = await seenWith(server, ({ gauges: { g5 } }) => g5 !== undefined);
      for (const [i, number] of numbers.entries()) {
        expect(counters[`c${i}`]).toBe(number);
        expect(gauges[`g${i}`]).toBe(-number);
        expect(timers[`h${i}`]).toEqual([number]);
      }
      expect(counters["statsd.bad_lines_seen"]).toBe(0);
    });

    it("lets the daemon count sampled values right", async () => {
      await using server = await startServer(statsd);
      const metrics = statsdMetrics({ protocol, port: server.port, sampleRates: { h: 0.25 } });
      for (let i = 0; i < 4000; i++) metrics.histogram("h").observe(i);
      metrics.gauge("end").set(1);
      await metrics.close();
      const { counts, timers } = await seenWith(server, ({ gauges: { end } }) => end === 1);
      // Six deviations to either side.
      expect(timers["h"]!.length).toBeGreaterThan(1000 - 6 * Math.sqrt(750));
      expect(timers["h"]!.length).toBeLessThan(1000 + 6 * Math.sqrt(750));
      expect(counts["h"]).toBe(4 * timers["h"]!.length);
    });

    it("is there again, gauges first of all, after the daemon was killed and started anew", async () => {
      await using server = await startServer(statsd);
      const metrics = statsdMetrics({ protocol, port: server.port, flushIntervalMs: 10 });
      const [counter, gauge] = [metrics.counter("c"), metrics.gauge("g")];
      counter.add(3);
      gauge.set(7);
      await seenWith(server, ({ gauges: { g } }) => g === 7);
      await server.kill();
      gauge.add(1);
      for (let i = 0; i < 1000; i++) metrics.histogram("h").observe(i);
      await server.restart();
      await seenWith(server, ({ gauges: { g } }) => g === 8);
      counter.add(5);
      const { counters } = await seenWith(server, ({ counters: { c } }) => c === 5);
      expect(counters["statsd.bad_lines_seen"]).toBe(0);
      await metrics.close();
    });
  });
});

whenStartable(statsd, () => {
  it("gives a daemon that was stopped all that it had room for, and the count of the rest", async () => {
    await using server = await startServer(statsd);
    const metrics = statsdMetrics({ protocol: "tcp", port: server.port, flushIntervalMs: 10, maxQueueBytes: 10_000 });
    const observed = metrics.histogram("h");
    observed.observe(0);
    await seenWith(server, ({ counts: { h } }) => h === 1);
    server.pause();
    for (let i = 1; i < 5000; i++) observed.observe(i);
    server.resume();
    const all = ({ counts, counters }: { counts: Record<string, number>; counters: Record<string, number> }) =>
      counts["h"]! + (counters["metrics_dropped_total"] ?? 0);
    const seen = await seenWith(server, (now) => all(now) === 5000);
    expect(seen.counters["metrics_dropped_total"]).toBeGreaterThan(0);
    await metrics.close();
  });

  it("closes in time when the daemon is stopped", async () => {
    await using server = await startServer(statsd);
    server.pause();
    const metrics = statsdMetrics({ protocol: "tcp", port: server.port, closeTimeoutMs: 50 });
    metrics.counter("c").add();
    await metrics.close();
    server.resume();
    // The kernel had taken it.
    const { counters } = await seenWith(server, ({ counters: { c } }) => c === 1);
    expect(counters["metrics_dropped_total"]).toBeUndefined();
  });
});
