import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Writable } from "node:stream";
import { promisify } from "node:util";
import { type ClientOptions, StatsD } from "hot-shots";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { dogstatsdMetrics, type DogstatsdMetricsOptions } from "../src/index.ts";

type Options = Omit<DogstatsdMetricsOptions, "client">;

/** What came out of metrics once they were closed. */
async function linesOf(
  options: Options,
  use: (metrics: ReturnType<typeof dogstatsdMetrics>) => void,
  clientOptions: ClientOptions = {},
): Promise<string[]> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const client = new StatsD({ host: "127.0.0.1", port: socket.address().port, maxBufferSize: 1432, ...clientOptions });
  try {
    const lines: string[] = [];
    socket.on("message", (message) => lines.push(...message.toString().split("\n")));
    const metrics = dogstatsdMetrics({ client, flushIntervalMs: 60_000, ...options });
    use(metrics);
    metrics.gauge("the_end").set(1);
    await metrics.close();
    await vi.waitUntil(() => lines.some((line) => line.includes("the_end")), { timeout: 20_000 });
    return lines.filter((line) => !line.includes("the_end"));
  } finally {
    await closed(client);
    socket.close();
  }
}

const closed = (client: StatsD) => new Promise<void>((resolve) => client.close(() => resolve()));

/** A client that sends nothing, closed after the test. */
function mockClient(options: ClientOptions = {}): StatsD {
  const client = new StatsD({ mock: true, ...options });
  onTestFinished(() => closed(client));
  return client;
}

const tags = { hostname: "foohost" };

describe("dogstatsdMetrics", () => {
  it("writes a counter's sum at a flush (go-kit TestCounter)", async () => {
    const lines = await linesOf({ prefix: "abc.", tags }, (metrics) => {
      const counter = metrics.counter("def", { labels: ["label"] });
      counter.add();
      counter.add(2.5);
      counter.with({ label: "value" }).add(7);
    });
    expect(lines).toEqual(["abc.def:3.5|c|#hostname:foohost", "abc.def:7|c|#hostname:foohost,label:value"]);
  });

  it("writes where a gauge stands, the tags of all first (go-kit TestGauge)", async () => {
    const lines = await linesOf({ prefix: "ghi.", tags }, (metrics) => {
      const gauge = metrics.gauge("jkl", { labels: ["xyz"] }).with({ xyz: "abc" });
      gauge.set(9);
      gauge.add(-2);
      metrics.gauge("below").set(-5);
    });
    expect(lines).toEqual([
      "ghi.jkl:7|g|#hostname:foohost,xyz:abc",
      "ghi.below:0|g|#hostname:foohost",
      "ghi.below:-5|g|#hostname:foohost",
    ]);
  });

  it("writes a line for each value of a histogram (go-kit TestHistogram)", async () => {
    const lines = await linesOf({ tags }, (metrics) => {
      for (const value of [1, 0.25, -1]) metrics.histogram("wait").observe(value);
    });
    expect(lines).toEqual([
      "wait:1|h|#hostname:foohost",
      "wait:0.25|h|#hostname:foohost",
      "wait:-1|h|#hostname:foohost",
    ]);
  });

  it("writes timings and distributions where told to (go-kit TestTiming)", async () => {
    const each = await linesOf({ histogramType: { wait: "timing", size: "distribution" } }, (metrics) => {
      for (const name of ["wait", "size", "other"]) metrics.histogram(name).observe(1);
    });
    expect(each).toEqual(["wait:1|ms", "size:1|d", "other:1|h"]);
    const all = await linesOf({ histogramType: "distribution" }, (metrics) => metrics.histogram("wait").observe(1));
    expect(all).toEqual(["wait:1|d"]);
  });

  it("sends only the part of the values that it says it sends (go-kit TestHistogramSampled, TestTimingSampled)", async () => {
    let draw = 0;
    const random = vi.spyOn(Math, "random").mockImplementation(() => (draw++ % 100) / 100);
    onTestFinished(() => random.mockRestore());
    const options: Options = { sampleRates: { wait: 0.01, size: 1 }, histogramType: { wait: "timing" } };
    const lines = await linesOf(options, (metrics) => {
      for (let value = 0; value < 500; value++) metrics.histogram("wait").observe(value);
      metrics.histogram("size").observe(1);
    });
    expect(lines).toEqual([...[0, 100, 200, 300, 400].map((value) => `wait:${value}|ms|@0.01`), "size:1|h"]);
  });

  it("does not sample what it has added up, whatever the client's own rate is", async () => {
    const lines = await linesOf({}, (metrics) => metrics.counter("c").add(3), { sampleRate: 0.000_001 });
    expect(lines).toEqual(["c:3|c"]);
  });

  it("stands behind the client's prefix and beside its tags", async () => {
    const clientOptions = { prefix: "all.", globalTags: { env: "test", zone: "eu" } };
    const lines = await linesOf(
      { prefix: "abc." },
      (metrics) =>
        metrics
          .counter("c", { labels: ["zone"] })
          .with({ zone: "us" })
          .add(),
      clientOptions,
    );
    expect(lines).toEqual(["all.abc.c:1|c|#env:test,zone:us"]);
  });

  it("lets values that are the same on the wire share a series", async () => {
    const lines = await linesOf({}, (metrics) => {
      const counter = metrics.counter("hits", { labels: ["path"] });
      counter.with({ path: "/a,b" }).add(1);
      counter.with({ path: "/a|b" }).add(2);
      counter.with({ path: "http://é b" }).add(4);
    });
    expect(lines).toEqual(["hits:3|c|#path:/a_b", "hits:4|c|#path:http://é b"]);
  });

  it("counts what hot-shots could not send, and tells the client's error handler", async () => {
    const errors: string[] = [];
    const client = new StatsD({ host: "nobody.invalid", errorHandler: ({ message }) => void errors.push(message) });
    const metrics = dogstatsdMetrics({ client, flushIntervalMs: 60_000 });
    metrics.histogram("h").observe(1);
    await vi.waitUntil(() => errors.length > 0, { timeout: 20_000 });
    const increment = vi.spyOn(client, "increment");
    await metrics.close();
    expect(errors[0]).toContain("ENOTFOUND");
    expect(increment.mock.calls.map(([name, sum]) => [name, sum])).toEqual([["metrics_dropped_total", 1]]);
    await closed(client);
  });

  it("drops values and keeps sums while too much is in flight", async () => {
    const client = mockClient();
    let inFlight = 3;
    let asked = 0;
    Object.defineProperty(client, "messagesInFlight", {
      get() {
        asked++;
        return inFlight;
      },
    });
    const metrics = dogstatsdMetrics({ client, maxInFlight: 3, flushIntervalMs: 5 });
    const [increment, gauge, histogram] = [
      vi.spyOn(client, "increment"),
      vi.spyOn(client, "gauge"),
      vi.spyOn(client, "histogram"),
    ];
    metrics.counter("c").add(2);
    metrics.gauge("g").set(1);
    for (let i = 0; i < 100_000; i++) metrics.histogram("h").observe(i);
    // A flush has come and gone.
    const before = asked;
    await vi.waitUntil(() => asked > before + 3, { timeout: 20_000 });
    expect([increment, gauge, histogram].flatMap(({ mock }) => mock.calls)).toEqual([]);
    inFlight = 2;
    await metrics.close();
    expect(increment.mock.calls.map(([name, sum]) => [name, sum])).toEqual([
      ["metrics_dropped_total", 100_000],
      ["c", 2],
    ]);
    inFlight = 0;
  });

  it("closes in time when nothing that the client was given goes", async () => {
    const written = vi.fn<() => void>();
    const client = new StatsD({ protocol: "stream", stream: new Writable({ write: written }) });
    const metrics = dogstatsdMetrics({ client, flushIntervalMs: 60_000, closeTimeoutMs: 50 });
    metrics.counter("c").add();
    const begin = performance.now();
    await metrics.close();
    expect(performance.now() - begin).toBeGreaterThan(45);
    expect(written).toHaveBeenCalledOnce();
  });

  it("leaves the client open, and takes no harm from one that is closed or throws", async () => {
    const client = new StatsD({
      host: "127.0.0.1",
      port: 8125,
      maxBufferSize: 10,
      errorHandler: () => {
        throw new Error("mine");
      },
    });
    const metrics = dogstatsdMetrics({ client });
    const observed = metrics.histogram("h");
    await closed(client);
    expect(() => {
      for (let i = 0; i < 10; i++) observed.observe(i);
    }).not.toThrow();
    await metrics.close();
  });

  it("does not keep the process alive, and a last flush does until it is done", async () => {
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const program = (last: string) => `
      import { StatsD } from "hot-shots";
      import { dogstatsdMetrics } from ${JSON.stringify(entry)};
      const client = new StatsD({ host: "127.0.0.1", port: 1, maxBufferSize: 1432 });
      const metrics = dogstatsdMetrics({ client, flushIntervalMs: 10 });
      metrics.counter("c").add();
      ${last}`;
    const cwd = new URL("..", import.meta.url);
    const run = (last: string) =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(last)], { cwd });
    expect((await run("")).stdout).toBe("");
    expect((await run('await metrics.close(); console.log("closed");')).stdout).toBe("closed\n");
  });

  it.each<[string, object, string]>([
    ["client", { client: {} }, "dogstatsdMetrics: client must be a StatsD of hot-shots"],
    ["flushIntervalMs", { flushIntervalMs: 0 }, "dogstatsdMetrics: flushIntervalMs must be a positive integer, got 0"],
    ["sampleRates", { sampleRates: { a: 2 } }, 'sampleRates of "a" must be from 0.000001 to 1, got 2'],
    [
      "histogramType",
      { histogramType: "set" },
      "histogramType must be one of histogram, distribution, timing, got set",
    ],
    ["histogramType", { histogramType: { a: "set" } }, "histogramType must be one of histogram, distribution, timing"],
    ["maxInFlight", { maxInFlight: 0 }, "dogstatsdMetrics: maxInFlight must be a positive integer, got 0"],
    ["closeTimeoutMs", { closeTimeoutMs: -1 }, "closeTimeoutMs must be an integer from 0 to 2147483647, got -1"],
    ["tags", { tags: { "a:b": "c" } }, 'dogstatsdMetrics: "a:b" cannot be a label of "tags"'],
    ["prefix", { prefix: "my app." }, 'dogstatsdMetrics: "my app.metrics_refused_total" cannot be a name'],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => dogstatsdMetrics({ client: mockClient(), ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses names that a daemon would read as something else", async () => {
    await using metrics = dogstatsdMetrics({ client: mockClient() });
    for (const name of ["a:b", "a|b", "a b", "a,b", "a\nb"]) {
      expect(() => metrics.counter(name)).toThrow(TypeError);
      expect(() => metrics.gauge(name)).toThrow(TypeError);
      expect(() => metrics.histogram(name)).toThrow(TypeError);
    }
  });
});
