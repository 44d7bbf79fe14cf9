import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type CloudwatchMetrics, cloudwatchMetrics, type CloudwatchMetricsOptions } from "../src/index.ts";
import { type Datum, standIn } from "./stand-in.ts";

vi.setConfig({ testTimeout: 60_000 });

async function setup(options: Partial<CloudwatchMetricsOptions> = {}) {
  const cloudwatch = await standIn();
  const onError = vi.fn<(error: Error) => void>();
  const { client } = cloudwatch;
  const metrics = cloudwatchMetrics({ client, namespace: "abc", flushIntervalMs: 600_000, onError, ...options });
  return {
    cloudwatch,
    onError,
    metrics,
    async [Symbol.asyncDispose]() {
      await metrics.close();
      await cloudwatch[Symbol.asyncDispose]();
      expect(cloudwatch.refused).toEqual([]);
    },
  };
}

const until = (isSo: () => boolean) => vi.waitUntil(isSo, { timeout: 30_000, interval: 5 });

const sumOf = ({ Values, Counts }: Datum) => Values!.reduce((sum, value, i) => sum + value * Counts![i]!, 0);
const countOf = ({ Counts }: Datum) => Counts!.reduce((sum, count) => sum + count, 0);

describe("cloudwatchMetrics", () => {
  it("sends a counter's sum since the last flush, with its dimensions (go-kit TestCounter)", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    const counter = metrics.counter("def", { labels: ["label", "other"] }).with({ label: "value" });
    for (const delta of [1, 2.5, 3]) counter.add(delta);
    await metrics.flush();
    counter.add(4);
    await metrics.flush();
    await metrics.flush();
    expect(cloudwatch.puts.map(({ Namespace }) => Namespace)).toEqual(["abc", "abc"]);
    expect(cloudwatch.data("def", { label: "value" })).toEqual([
      { MetricName: "def", Dimensions: [{ Name: "label", Value: "value" }], Timestamp: expect.any(Number), Value: 6.5 },
      { MetricName: "def", Dimensions: [{ Name: "label", Value: "value" }], Timestamp: expect.any(Number), Value: 4 },
    ]);
  });

  it("sends many counters at once (go-kit TestCounterLowSendConcurrency, cloudwatch2 TestSend)", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    for (let i = 0; i < 45; i++) metrics.counter(`name${i}`).add(i + 1);
    await metrics.flush();
    expect(cloudwatch.puts).toHaveLength(1);
    for (let i = 0; i < 45; i++) expect(cloudwatch.data(`name${i}`).map(({ Value }) => Value)).toEqual([i + 1]);
  });

  it("sends at every flush where a gauge stands (go-kit TestGauge)", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    const gauge = metrics.gauge("def");
    await metrics.flush();
    gauge.set(9);
    gauge.add(-12);
    await metrics.flush();
    await metrics.flush();
    gauge.add(3);
    await metrics.flush();
    expect(cloudwatch.data("def").map(({ Value }) => Value)).toEqual([-3, -3, 0]);
  });

  it("sends a histogram's values with their counts (go-kit TestHistogram, cloudwatch2 TestStats)", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    const histogram = metrics.histogram("def", { unit: "milliseconds" });
    await metrics.flush();
    for (const value of [4, 5, 6, 5, -1]) histogram.observe(value);
    await metrics.flush();
    await metrics.flush();
    histogram.observe(10);
    await metrics.flush();
    expect(cloudwatch.data("def")).toMatchObject([
      { Values: [-1, 4, 5, 6], Counts: [1, 1, 2, 1], Unit: "Milliseconds" },
      { Values: [10], Counts: [1], Unit: "Milliseconds" },
    ]);
  });

  it("keeps count, sum, minimum and maximum of more values than a datum takes", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    const histogram = metrics.histogram("def");
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((n) => (Math.abs(n) < 1e-100 ? 0 : n));
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 1000, size: "max" }), async (values) => {
        for (const value of values) histogram.observe(value);
        await metrics.flush();
        const datum = cloudwatch.data("def").at(-1)!;
        expect(countOf(datum)).toBe(values.length);
        expect(Math.abs(sumOf(datum) - values.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-3);
        expect(Math.min(...datum.Values!)).toBe(Math.min(...values));
        expect(Math.max(...datum.Values!)).toBe(Math.max(...values));
      }),
      { numRuns: 30 },
    );
  });

  it("knows CloudWatch's units, and leaves out others", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    for (const unit of ["seconds", "bytes/second", "requests"]) metrics.counter(unit, { unit }).add(1);
    await metrics.flush();
    expect(cloudwatch.puts[0]!.MetricData.map(({ Unit }) => Unit)).toEqual(["Seconds", "Bytes/Second", undefined]);
  });

  it("never sends a dimension twice, which go-kit does (its issue #528)", async () => {
    await using setting = await setup({ defaultLabels: { host: "a", zone: "eu", none: "" } });
    const { cloudwatch, metrics } = setting;
    const counter = metrics.counter("def", { labels: ["host"] });
    counter.add(1);
    counter.with({ host: "b" }).with({ host: "c" }).add(2);
    await metrics.flush();
    expect(cloudwatch.data("def", { host: "a", zone: "eu" }).map(({ Value }) => Value)).toEqual([1]);
    expect(cloudwatch.data("def", { host: "c", zone: "eu" }).map(({ Value }) => Value)).toEqual([2]);
  });

  it("writes what no dimension can hold as _, and lets values that are then the same share a series", async () => {
    await using setting = await setup({ defaultLabels: { host: "x".repeat(2000) } });
    const { cloudwatch, metrics } = setting;
    const counter = metrics.counter("def", { labels: ["path"] });
    for (const path of ["wörld", "w\nrld", "  "]) counter.with({ path }).add(1);
    await metrics.flush();
    const host = "x".repeat(1024);
    expect(cloudwatch.data("def", { path: "w_rld", host }).map(({ Value }) => Value)).toEqual([2]);
    expect(cloudwatch.data("def", { path: "_", host }).map(({ Value }) => Value)).toEqual([1]);
  });

  it("brings numbers into the range for which CloudWatch does not refuse a whole request", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    metrics.counter("c").add(Number.MAX_VALUE);
    metrics.counter("c").add(Number.MAX_VALUE);
    metrics.gauge("g").set(-1e200);
    for (const value of [1e-200, 1e200, 1]) metrics.histogram("h").observe(value);
    await metrics.flush();
    expect(cloudwatch.data("c")[0]!.Value).toBe(2 ** 360);
    expect(cloudwatch.data("g")[0]!.Value).toBe(-(2 ** 360));
    expect(cloudwatch.data("h")[0]!.Values).toEqual([0, 1, 2 ** 360]);
  });

  it("makes as many requests as CloudWatch's limits ask for, one after the other", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    const counter = metrics.counter("c", { labels: ["n"], maxSeries: 2500 });
    for (let n = 0; n < 2500; n++) counter.with({ n: `${n}` }).add(n + 1);
    await metrics.flush();
    expect(cloudwatch.puts.map(({ MetricData }) => MetricData.length)).toEqual([1000, 1000, 500]);
  });

  it("keeps requests of many values and long labels below 1 MB, whatever they hold", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    const labels = Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(255, "l"));
    const histogram = metrics.histogram("h", { labels: [...labels] });
    const given = Object.fromEntries(labels.map((label) => [label, '"'.repeat(256)]));
    for (let n = 0; n < 200; n++) {
      const child = histogram.with({ ...given, [labels[0]!]: `${n}` });
      for (let i = 0; i < 200; i++) child.observe(-Math.PI / (i + 7) / 1e10);
    }
    await metrics.flush();
    expect(cloudwatch.puts.reduce((sum, { MetricData }) => sum + MetricData.length, 0)).toBe(200);
    // The stand-in refuses larger ones.
    expect(Math.max(...cloudwatch.puts.map(({ bytes }) => bytes))).toBeGreaterThan(100_000);
  });

  it("flushes from time to time, and a last time at close", async () => {
    await using setting = await setup({ flushIntervalMs: 5 });
    const { cloudwatch, metrics } = setting;
    const counter = metrics.counter("c");
    counter.add(1);
    await until(() => cloudwatch.data("c").length === 1);
    counter.add(2);
    await metrics.close();
    expect(cloudwatch.data("c").reduce((sum, { Value }) => sum + Value!, 0)).toBe(3);
    const { asked } = cloudwatch;
    counter.add(4);
    await metrics.flush();
    expect(cloudwatch.asked).toBe(asked);
  });

  it("does not keep the process alive, and a last flush does until it is done", async () => {
    await using cloudwatch = await standIn();
    const { protocol, hostname, port } = await cloudwatch.client.config.endpoint!();
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const sdk = import.meta.resolve("@aws-sdk/client-cloudwatch");
    const program = (last: string) => `
      import { CloudWatchClient } from ${JSON.stringify(sdk)};
      import { cloudwatchMetrics } from ${JSON.stringify(entry)};
      const credentials = { accessKeyId: "nobody", secretAccessKey: "nothing" };
      const client = new CloudWatchClient({ region: "eu", endpoint: "${protocol}//${hostname}:${port}", credentials });
      const metrics = cloudwatchMetrics({ client, namespace: "kit", flushIntervalMs: 60_000 });
      metrics.counter("c").add(7);
      ${last}`;
    const run = (last: string) => promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(last)]);
    expect((await run("")).stdout).toBe("");
    expect(cloudwatch.data("c")).toEqual([]);
    expect((await run('await metrics.close(); console.log("closed");')).stdout).toBe("closed\n");
    expect(cloudwatch.data("c").map(({ Value }) => Value)).toEqual([7]);
  });

  it.each<[string, object, string]>([
    ["client", { client: {} }, "cloudwatchMetrics: client must be a CloudWatchClient"],
    ["namespace", { namespace: undefined }, "cloudwatchMetrics: namespace must be 1 to 255"],
    ["namespace", { namespace: "" }, "cloudwatchMetrics: namespace must be 1 to 255"],
    ["namespace", { namespace: "AWS/EC2" }, 'not starting with ":" or "AWS/", got AWS/EC2'],
    ["namespace", { namespace: ":a" }, 'not starting with ":" or "AWS/", got :a'],
    ["namespace", { namespace: "a|b" }, "got a|b"],
    ["flushIntervalMs", { flushIntervalMs: 0 }, "flushIntervalMs must be a positive integer, got 0"],
    ["requestTimeoutMs", { requestTimeoutMs: 0 }, "requestTimeoutMs must be an integer from 1 to 2147483647, got 0"],
    ["closeTimeoutMs", { closeTimeoutMs: -1 }, "closeTimeoutMs must be an integer from 0 to 2147483647, got -1"],
    ["defaultLabels", { defaultLabels: { ":a": "1" } }, '":a" cannot be a label of "metrics_refused_total"'],
  ])("refuses a wrong option: %s", async (_, options, message) => {
    await using cloudwatch = await standIn();
    const make = (): CloudwatchMetrics =>
      cloudwatchMetrics({ client: cloudwatch.client, namespace: "kit", ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses what CloudWatch cannot name", async () => {
    await using setting = await setup();
    const { metrics } = setting;
    for (const name of ["wörld", " ", "a\nb", "x".repeat(256)]) {
      expect(() => metrics.counter(name)).toThrow(`"${name}" cannot be a name`);
      expect(() => metrics.gauge("g", { labels: [name] })).toThrow(`"${name}" cannot be a label of "g"`);
    }
    const labels = Array.from({ length: 31 }, (_, i) => `l${i}`);
    expect(() => metrics.histogram("h", { labels })).toThrow('"h" has 31 labels, CloudWatch takes 30');
  });
});

describe("a CloudWatch that does not take what is sent", () => {
  it("costs no count when it is away: all is there when it is back, gauges as they stand then", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics, onError } = setting;
    const [counter, gauge, histogram] = [metrics.counter("c"), metrics.gauge("g"), metrics.histogram("h")];
    await cloudwatch.stop();
    for (let round = 0; round < 3; round++) {
      counter.add(round + 1);
      gauge.add(1);
      for (let i = 0; i < 1000; i++) histogram.observe(i / 7);
      await metrics.flush();
    }
    expect(onError.mock.calls).toEqual([[expect.objectContaining({ code: "ECONNREFUSED" })]]);
    await cloudwatch.listen();
    await metrics.flush();
    expect(cloudwatch.data("c").map(({ Value }) => Value)).toEqual([6]);
    expect(cloudwatch.data("g").map(({ Value }) => Value)).toEqual([3]);
    const [datum] = cloudwatch.data("h");
    expect(countOf(datum!)).toBe(3000);
    expect(datum!.Values).toHaveLength(150);
    expect([datum!.Values![0], datum!.Values!.at(-1)]).toEqual([0, 999 / 7]);
    await cloudwatch.stop();
    await metrics.flush();
    expect(onError).toHaveBeenCalledTimes(2);
    await cloudwatch.listen();
  });

  it.each([
    [400, "ThrottlingException"],
    [400, "Throttling"],
    [403, "AccessDeniedException"],
    [400, "ExpiredTokenException"],
    [500, "InternalServiceFault"],
    [503, "ServiceUnavailable"],
  ])("costs no count when it answers %i, %s (go-kit TestErrorLog)", async (status, error) => {
    await using setting = await setup();
    const { cloudwatch, metrics, onError } = setting;
    const [counter, histogram] = [metrics.counter("c"), metrics.histogram("h")];
    cloudwatch.mood = { status, error };
    counter.add(1);
    histogram.observe(5);
    await metrics.flush();
    expect(onError.mock.calls).toEqual([
      [expect.objectContaining({ $metadata: expect.objectContaining({ httpStatusCode: status }) })],
    ]);
    cloudwatch.mood = "well";
    counter.add(2);
    histogram.observe(5);
    await metrics.flush();
    expect(cloudwatch.data("c").map(({ Value }) => Value)).toEqual([3]);
    expect(cloudwatch.data("h")).toMatchObject([{ Values: [5], Counts: [2] }]);
    expect(cloudwatch.data("metrics_dropped_total")).toEqual([]);
  });

  it("is asked no more in a flush in which it did not take one", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    cloudwatch.mood = { status: 400, error: "ThrottlingException" };
    const counter = metrics.counter("c", { labels: ["n"], maxSeries: 2500 });
    for (let n = 0; n < 2500; n++) counter.with({ n: `${n}` }).add(1);
    await metrics.flush();
    expect(cloudwatch.asked).toBe(1);
    cloudwatch.mood = "well";
    await metrics.flush();
    expect(cloudwatch.puts.map(({ MetricData }) => MetricData.length)).toEqual([1000, 1000, 500]);
  });

  it.each([
    [400, "InvalidParameterValueException"],
    [400, "MissingRequiredParameterException"],
    [413, "RequestEntityTooLarge"],
  ])("gets the count of what it refused with %i, %s, and not the same again", async (status, error) => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    cloudwatch.mood = { status, error };
    metrics.counter("c").add(1);
    metrics.histogram("h").observe(1);
    await metrics.flush();
    // The count itself is not lost when it is in a request that is refused.
    metrics.counter("c").add(1);
    await metrics.flush();
    cloudwatch.mood = "well";
    metrics.counter("c").add(4);
    await metrics.flush();
    expect(cloudwatch.data("c").map(({ Value }) => Value)).toEqual([4]);
    expect(cloudwatch.data("h")).toEqual([]);
    expect(cloudwatch.data("metrics_dropped_total").map(({ Value }) => Value)).toEqual([3]);
  });

  it("is given up after requestTimeoutMs when it does not answer, and what came meanwhile is not lost", async () => {
    await using setting = await setup({ requestTimeoutMs: 1500 });
    const { cloudwatch, metrics, onError } = setting;
    const counter = metrics.counter("c");
    cloudwatch.mood = "never";
    counter.add(1);
    const flushed = metrics.flush();
    await until(() => cloudwatch.asked === 1);
    counter.add(2);
    await flushed;
    expect(onError.mock.calls).toEqual([[new Error("cloudwatchMetrics: CloudWatch did not answer in time")]]);
    cloudwatch.mood = "well";
    await metrics.flush();
    expect(cloudwatch.data("c").map(({ Value }) => Value)).toEqual([3]);
  });

  it("gets one request at a time, however often a flush is due", async () => {
    const { cloudwatch, metrics } = await setup({ flushIntervalMs: 1, requestTimeoutMs: 60_000, closeTimeoutMs: 10 });
    cloudwatch.mood = "never";
    metrics.counter("c").add(1);
    await until(() => cloudwatch.asked === 1);
    let due = 0;
    const timer = setInterval(() => due++, 1);
    await until(() => due >= 100);
    clearInterval(timer);
    expect(cloudwatch.asked).toBe(1);
    await metrics.close();
    await cloudwatch[Symbol.asyncDispose]();
  });

  it("does not hold up close for longer than closeTimeoutMs, not even in the middle of a flush", async () => {
    const { cloudwatch, metrics, onError } = await setup({ closeTimeoutMs: 50, requestTimeoutMs: 60_000 });
    cloudwatch.mood = "never";
    metrics.counter("c").add(1);
    void metrics.flush();
    await until(() => cloudwatch.asked === 1);
    await metrics.close();
    expect(onError.mock.calls).toEqual([
      [new Error("cloudwatchMetrics: CloudWatch did not answer in time")],
      [new Error("cloudwatchMetrics: closed with values unsent")],
    ]);
    await cloudwatch[Symbol.asyncDispose]();
  });

  it("is not waited for by a client that never gets to send, for it finds no credentials", async () => {
    const client = { send: () => new Promise(() => {}) } as unknown as CloudwatchMetricsOptions["client"];
    const { cloudwatch, metrics, onError } = await setup({ client, requestTimeoutMs: 20, closeTimeoutMs: 20 });
    metrics.counter("c").add(1);
    await metrics.flush();
    await metrics.close();
    expect(onError).toHaveBeenCalledTimes(2);
    await cloudwatch[Symbol.asyncDispose]();
  });

  it("answers nonsense, and gets it again", async () => {
    await using setting = await setup();
    const { cloudwatch, metrics } = setting;
    cloudwatch.mood = { status: 502, error: '"} <html>' };
    metrics.counter("c").add(1);
    await metrics.flush();
    cloudwatch.mood = "well";
    await metrics.flush();
    expect(cloudwatch.data("c").map(({ Value }) => Value)).toEqual([1]);
  });
});
