import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { statsdMetrics, type StatsdMetricsOptions } from "../src/index.ts";

/** Metrics and the lines that came out of them once they were closed. */
async function linesOf(
  options: StatsdMetricsOptions,
  use: (metrics: ReturnType<typeof statsdMetrics>) => void,
): Promise<string[]> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  try {
    const lines: string[] = [];
    socket.on("message", (message) => lines.push(...message.toString().trimEnd().split("\n")));
    const metrics = statsdMetrics({ port: socket.address().port, flushIntervalMs: 60_000, ...options });
    use(metrics);
    metrics.gauge("the_end").set(1);
    await metrics.close();
    await vi.waitUntil(() => lines.some((line) => line.endsWith("the_end:1|g")));
    return lines.filter((line) => !line.includes("the_end"));
  } finally {
    socket.close();
  }
}

describe("statsdMetrics", () => {
  it("writes a counter's sum at a flush (go-kit TestCounter)", async () => {
    const lines = await linesOf({ prefix: "abc." }, (metrics) => {
      const counter = metrics.counter("def", { labels: ["label"] });
      counter.add();
      counter.add(2.5);
      counter.with({ label: "value" }).add(7);
    });
    expect(lines).toEqual(["abc.def:3.5|c", "abc.def.label.value:7|c"]);
  });

  it("writes where a gauge stands, from zero where that is below zero (go-kit TestGauge)", async () => {
    const lines = await linesOf({ prefix: "ghi." }, (metrics) => {
      metrics.gauge("jkl").set(9);
      metrics.gauge("jkl").add(-2);
      metrics.gauge("below").set(-5);
    });
    expect(lines).toEqual(["ghi.jkl:7|g", "ghi.below:0|g", "ghi.below:-5|g"]);
  });

  it("writes a timer line for each value of a histogram (go-kit TestTiming)", async () => {
    const lines = await linesOf({}, (metrics) => {
      for (const value of [1, 0.25, 0]) metrics.histogram("wait").observe(value);
    });
    expect(lines).toEqual(["wait:1|ms", "wait:0.25|ms", "wait:0|ms"]);
  });

  it("sends only the part of the values that it says it sends (go-kit TestTimingSampled)", async () => {
    let draw = 0;
    const options = { sampleRates: { wait: 0.01, size: 1 }, random: () => (draw++ % 100) / 100 };
    const lines = await linesOf(options, (metrics) => {
      for (let value = 0; value < 500; value++) metrics.histogram("wait").observe(value);
      metrics.histogram("size").observe(1);
    });
    expect(lines).toEqual([...[0, 100, 200, 300, 400].map((value) => `wait:${value}|ms|@0.01`), "size:1|ms"]);
  });

  it("counts timers below zero, which the daemon would throw away, as dropped", async () => {
    const lines = await linesOf({}, (metrics) => metrics.histogram("wait").observe(-1));
    expect(lines).toEqual(["metrics_dropped_total:1|c"]);
  });

  it("lets values whose names are the same share a series", async () => {
    const lines = await linesOf({}, (metrics) => {
      const counter = metrics.counter("hits", { labels: ["path"] });
      counter.with({ path: "/a.b" }).add(1);
      counter.with({ path: "/a/b" }).add(2);
      const gauge = metrics.gauge("level", { labels: ["path"] });
      gauge.with({ path: "/a.b" }).set(1);
      gauge.with({ path: "/a/b" }).add(2);
    });
    expect(lines).toEqual(["hits.path._a_b:3|c", "level.path._a_b:3|g"]);
  });

  it("does not keep the process alive, and a last flush does until it is done", async () => {
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const program = (last: string) => `
      import { statsdMetrics } from ${JSON.stringify(entry)};
      const metrics = statsdMetrics({ protocol: "tcp", port: 1, flushIntervalMs: 10 });
      metrics.counter("c").add();
      ${last}`;
    const run = (last: string) => promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(last)]);
    expect((await run("")).stdout).toBe("");
    expect((await run('await metrics.close(); console.log("closed");')).stdout).toBe("closed\n");
  });

  it.each<[string, object, string]>([
    ["flushIntervalMs", { flushIntervalMs: 0 }, "statsdMetrics: flushIntervalMs must be a positive integer, got 0"],
    ["sampleRates", { sampleRates: { a: 0 } }, 'statsdMetrics: sampleRates of "a" must be from 0.000001 to 1, got 0'],
    ["sampleRates", { sampleRates: { a: 2 } }, 'statsdMetrics: sampleRates of "a" must be from 0.000001 to 1, got 2'],
    ["prefix", { prefix: "my app." }, 'statsdMetrics: "my app.metrics_refused_total" cannot be a name'],
    ["port", { port: -1 }, "statsdMetrics: port must be an integer from 1 to 65535, got -1"],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => statsdMetrics(options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses names that statsd would read as something else", async () => {
    await using metrics = statsdMetrics();
    for (const name of ["a:b", "a|b", "a b", "a\nb", "a..b"]) {
      expect(() => metrics.counter(name)).toThrow(TypeError);
      expect(() => metrics.gauge(name)).toThrow(TypeError);
      expect(() => metrics.histogram(name)).toThrow(TypeError);
    }
    expect(() => metrics.counter("c", { labels: ["a.b"] })).toThrow('"a.b" cannot be a label of "c"');
  });
});
