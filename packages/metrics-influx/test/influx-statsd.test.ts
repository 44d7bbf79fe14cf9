import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { influxStatsdMetrics, type InfluxStatsdMetricsOptions } from "../src/index.ts";
import { until } from "./web.ts";

/** Metrics and the lines that came out of them once they were closed. */
async function linesOf(
  options: InfluxStatsdMetricsOptions,
  use: (metrics: ReturnType<typeof influxStatsdMetrics>) => void,
): Promise<string[]> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  try {
    const lines: string[] = [];
    socket.on("message", (message) => lines.push(...message.toString().trimEnd().split("\n")));
    const metrics = influxStatsdMetrics({ port: socket.address().port, flushIntervalMs: 60_000, ...options });
    use(metrics);
    metrics.gauge("the_end").set(1);
    await metrics.close();
    await until(() => lines.some((line) => line.includes("the_end")));
    return lines.filter((line) => !line.includes("the_end"));
  } finally {
    socket.close();
  }
}

const tags = { hostname: "foohost" };

describe("influxStatsdMetrics", () => {
  it("writes a counter's sum at a flush (go-kit TestCounter)", async () => {
    const lines = await linesOf({ prefix: "abc.", tags }, (metrics) => {
      const counter = metrics.counter("def", { labels: ["label"] });
      counter.add();
      counter.add(2.5);
      counter.with({ label: "value" }).add(7);
    });
    expect(lines).toEqual(["abc.def,hostname=foohost:3.5|c", "abc.def,hostname=foohost,label=value:7|c"]);
  });

  it("writes where a gauge stands, the tags of all first (go-kit TestGauge)", async () => {
    const lines = await linesOf({ prefix: "ghi.", tags }, (metrics) => {
      const gauge = metrics.gauge("jkl", { labels: ["xyz"] }).with({ xyz: "abc" });
      gauge.set(9);
      gauge.add(-2);
      metrics.gauge("below").set(-5);
    });
    expect(lines).toEqual([
      "ghi.jkl,hostname=foohost,xyz=abc:7|g",
      "ghi.below,hostname=foohost:0|g",
      "ghi.below,hostname=foohost:-5|g",
    ]);
  });

  it("writes a line for each value of a histogram (go-kit TestHistogram, TestTiming)", async () => {
    const lines = await linesOf({ tags }, (metrics) => {
      for (const value of [1, 0.25, -1]) metrics.histogram("wait").observe(value);
    });
    expect(lines).toEqual(["wait,hostname=foohost:1|h", "wait,hostname=foohost:0.25|h", "wait,hostname=foohost:-1|h"]);
  });

  it("sends only the part of the values that it says it sends (go-kit TestHistogramSampled, TestTimingSampled)", async () => {
    let draw = 0;
    const options = { sampleRates: { wait: 0.01, size: 1 }, random: () => (draw++ % 100) / 100 };
    const lines = await linesOf(options, (metrics) => {
      for (let value = 0; value < 500; value++) metrics.histogram("wait").observe(value);
      metrics.histogram("size").observe(1);
    });
    expect(lines).toEqual([...[0, 100, 200, 300, 400].map((value) => `wait:${value}|h|@0.01`), "size:1|h"]);
  });

  it("lets values that are the same on the wire share a series", async () => {
    const lines = await linesOf({}, (metrics) => {
      const counter = metrics.counter("hits", { labels: ["path"] });
      counter.with({ path: "/a,b" }).add(1);
      counter.with({ path: "/a=b" }).add(2);
      counter.with({ path: "é b" }).add(4);
    });
    expect(lines).toEqual(["hits,path=/a_b:3|c", "hits,path=é_b:4|c"]);
  });

  it.each<[string, object, string]>([
    [
      "flushIntervalMs",
      { flushIntervalMs: 0 },
      "influxStatsdMetrics: flushIntervalMs must be a positive integer, got 0",
    ],
    ["sampleRates", { sampleRates: { a: 2 } }, 'sampleRates of "a" must be from 0.000001 to 1, got 2'],
    ["tags", { tags: { "a b": "c" } }, 'influxStatsdMetrics: "a b" cannot be a label of "tags"'],
    ["prefix", { prefix: "my app." }, 'influxStatsdMetrics: "my app.metrics_refused_total" cannot be a name'],
    ["port", { port: -1 }, "influxStatsdMetrics: port must be an integer from 1 to 65535, got -1"],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => influxStatsdMetrics(options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses names that a daemon would read as something else", async () => {
    await using metrics = influxStatsdMetrics();
    for (const name of ["a:b", "a|b", "a b", "a,b", "a\nb"]) {
      expect(() => metrics.counter(name)).toThrow(TypeError);
      expect(() => metrics.gauge(name)).toThrow(TypeError);
      expect(() => metrics.histogram(name)).toThrow(TypeError);
    }
  });
});
