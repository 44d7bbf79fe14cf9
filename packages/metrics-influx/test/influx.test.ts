import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { influxMetrics, type InfluxMetricsOptions } from "../src/index.ts";
import { until, webServer } from "./web.ts";

vi.setConfig({ testTimeout: 30_000 });

type InfluxMetrics = ReturnType<typeof influxMetrics>;

/** The lines that came out of metrics once they were closed. */
async function linesOf(options: InfluxMetricsOptions, use: (metrics: InfluxMetrics) => void): Promise<string[]> {
  await using server = await webServer();
  const metrics = influxMetrics({ url: server.url, database: "db", ...options });
  use(metrics);
  await metrics.close();
  return server.lines;
}

describe("influxMetrics", () => {
  it("writes a counter's sum for each set of tags (go-kit ExampleCounter, TestCounter)", async () => {
    const lines = await linesOf({ tags: { a: "b" } }, (metrics) => {
      const counter = metrics.counter("influx_counter", { labels: ["error"] });
      counter.add(10);
      counter.with({ error: "true" }).add(1);
      counter.with({ error: "false" }).add(2);
      counter.add(50);
    });
    expect(lines).toEqual([
      "influx_counter,a=b count=60",
      "influx_counter,a=b,error=true count=1",
      "influx_counter,a=b,error=false count=2",
    ]);
  });

  it("writes where a gauge stands for each set of tags (go-kit ExampleGauge, TestGauge)", async () => {
    const lines = await linesOf({ tags: { a: "b" } }, (metrics) => {
      const gauge = metrics.gauge("influx_gauge", { labels: ["error"] });
      gauge.set(10);
      gauge.with({ error: "true" }).set(2);
      gauge.with({ error: "true" }).set(1);
      gauge.with({ error: "false" }).set(2);
      gauge.set(50);
      gauge.add(-51.5);
    });
    expect(lines).toEqual([
      "influx_gauge,a=b value=-1.5",
      "influx_gauge,a=b,error=true value=1",
      "influx_gauge,a=b,error=false value=2",
    ]);
  });

  it("writes count, sum and quantiles of a histogram for each set of tags (go-kit ExampleHistogram, TestHistogramLabels)", async () => {
    const lines = await linesOf({ tags: { a: "b" } }, (metrics) => {
      const observed = metrics.histogram("influx_histogram", { labels: ["error"] });
      observed.observe(10);
      observed.with({ error: "true" }).observe(1);
      observed.with({ error: "false" }).observe(2);
      observed.observe(50);
    });
    expect(lines).toEqual([
      "influx_histogram,a=b count=2,sum=60,p50=10,p90=50,p95=50,p99=50",
      "influx_histogram,a=b,error=true count=1,sum=1,p50=1,p90=1,p95=1,p99=1",
      "influx_histogram,a=b,error=false count=1,sum=2,p50=2,p90=2,p95=2,p99=2",
    ]);
  });

  it("writes tags in the order of their names, a label over a tag of the same name (go-kit TestHistogram)", async () => {
    const lines = await linesOf({ tags: { foo: "alpha", host: "h1" } }, (metrics) => {
      const counter = metrics.counter("c", { labels: ["zone", "bar", "host"] });
      counter.with({ zone: "eu", bar: "beta", host: "h2" }).add();
    });
    expect(lines).toEqual(["c,bar=beta,foo=alpha,host=h2,zone=eu count=1"]);
  });

  it("does not mix the tags of two counters (go-kit TestIssue404)", async () => {
    const lines = await linesOf({}, (metrics) => {
      metrics
        .counter("counter_one", { labels: ["a"] })
        .with({ a: "b" })
        .add(123);
      metrics
        .counter("counter_two", { labels: ["c"] })
        .with({ c: "d" })
        .add(456);
    });
    expect(lines).toEqual(["counter_one,a=b count=123", "counter_two,c=d count=456"]);
  });

  it("escapes what stands between tags, and replaces what it cannot escape", async () => {
    const lines = await linesOf({}, (metrics) => {
      const counter = metrics.counter("c", { labels: ["a"] });
      for (const a of ["x,b=y z", "line\nbreak", "end\\", "\\", "\\,"]) counter.with({ a }).add();
    });
    expect(lines).toEqual([
      "c,a=x\\,b\\=y\\ z count=1",
      "c,a=line_break count=1",
      "c,a=end_ count=1",
      "c,a=_ count=1",
      "c,a=\\\\, count=1",
    ]);
  });

  it("gives all points of a flush one time, and no two flushes the same", async () => {
    await using server = await webServer();
    const metrics = influxMetrics({ url: server.url, database: "db", flushIntervalMs: 5, now: () => 1000 });
    metrics.gauge("one").set(1);
    metrics.gauge("two").set(2);
    await until(() => server.posts.length > 2);
    await metrics.close();
    const times = server.posts.map(({ body }) => new Set(body.match(/\d+$/gm)));
    expect(times.every(({ size }) => size === 1)).toBe(true);
    expect(times.slice(0, 2).flatMap((time) => [...time])).toEqual(["1000000000", "1001000000"]);
  });

  it("writes to a database by the API of version 1", async () => {
    await using server = await webServer();
    const target = { database: "my db", retentionPolicy: "one day", username: "me", password: "secret" };
    const metrics = influxMetrics({ url: `${server.url}/influx/`, ...target });
    metrics.counter("c").add();
    await metrics.close();
    expect(server.posts[0]?.path).toBe("/influx/write?db=my+db&rp=one+day");
    expect(server.posts[0]?.headers.authorization).toBe(`Basic ${btoa("me:secret")}`);
  });

  it("writes to a bucket by the API of version 2", async () => {
    await using server = await webServer();
    const metrics = influxMetrics({ url: server.url, bucket: "b", org: "o", token: "t" });
    metrics.counter("c").add();
    await metrics.close();
    expect(server.posts[0]?.path).toBe("/api/v2/write?bucket=b&org=o");
    expect(server.posts[0]?.headers.authorization).toBe("Token t");
  });

  it.each([401, 403, 404, 408, 429, 500, 503, 302])(
    "sends the same lines again when the answer is %d",
    async (status) => {
      await using server = await webServer(
        (response, nth) => void response.writeHead(nth === 1 ? status : 204).end("why"),
      );
      const errors: Error[] = [];
      const metrics = influxMetrics({
        url: server.url,
        database: "db",
        flushIntervalMs: 10,
        onError: (error) => errors.push(error),
      });
      metrics.counter("c").add(7);
      await until(() => server.posts.length > 1);
      await metrics.close();
      expect(server.posts[1]?.body).toBe(server.posts[0]?.body);
      expect(server.lines).toEqual(["c count=7", "c count=7"]);
      expect(errors.map(({ message, cause }) => [message, cause])).toEqual([
        [`influxMetrics: the server answered ${status}`, "why"],
      ]);
    },
  );

  it("leaves the server alone for as long as it says", async () => {
    await using server = await webServer((response, nth) => {
      times.push(performance.now());
      response.writeHead(nth === 1 ? 429 : 204, { "retry-after": "1" }).end();
    });
    const times: number[] = [];
    const metrics = influxMetrics({ url: server.url, database: "db", flushIntervalMs: 10 });
    metrics.counter("c").add();
    await until(() => times.length > 1);
    await metrics.close();
    expect(times[1]! - times[0]!).toBeGreaterThan(950);
  });

  it.each([
    [400, "not a word", 3],
    [400, '{"error":"partial write: field type conflict dropped=2"}', 2],
    [400, '{"error":"partial write: dropped=99999"}', 3],
    [413, "", 3],
  ])("does not send again what was refused with %d, and counts it: %s", async (status, text, lost) => {
    await using server = await webServer(
      (response, nth) => void response.writeHead(nth === 1 ? status : 204).end(text),
    );
    const metrics = influxMetrics({ url: server.url, database: "db", flushIntervalMs: 10 });
    for (const name of ["a", "b", "c"]) metrics.counter(name).add();
    await until(() => server.posts.length === 2);
    await metrics.close();
    expect(server.lines).toEqual(["a count=1", "b count=1", "c count=1", `metrics_dropped_total count=${lost}`]);
  });

  it("sends again when there is no answer in time, or an end instead of one", async () => {
    await using server = await webServer((response, nth) => {
      if (nth === 2) response.socket?.destroy();
      else if (nth > 2) response.writeHead(204).end();
    });
    const errors: string[] = [];
    const onError = ({ message }: Error) => errors.push(message);
    const metrics = influxMetrics({
      url: server.url,
      database: "db",
      flushIntervalMs: 10,
      requestTimeoutMs: 100,
      onError,
    });
    metrics.counter("c").add();
    await until(() => server.posts.length === 3);
    await metrics.close();
    expect(server.lines).toEqual(["c count=1", "c count=1", "c count=1"]);
    expect(errors).toEqual(["influxMetrics: no answer within 100 ms"]);
  });

  it("sends a last flush again whose connection had ended meanwhile", async () => {
    await using server = await webServer((response, nth) => {
      if (nth === 2) response.socket?.destroy();
      else response.writeHead(204).end();
    });
    const metrics = influxMetrics({ url: server.url, database: "db", flushIntervalMs: 10 });
    const counter = metrics.counter("c");
    counter.add(1);
    await until(() => server.posts.length === 1);
    // The answer frees the connection, which nobody tells.
    await new Promise((resolve) => setTimeout(resolve, 50));
    counter.add(2);
    await metrics.close();
    expect(server.lines).toEqual(["c count=1", "c count=2", "c count=2"]);
  });

  it("takes an answer without end for what it says, and does not keep it", async () => {
    await using server = await webServer((response, nth) => {
      response.writeHead(nth === 1 ? 500 : 204).write("x".repeat(100_000));
      if (nth > 1) response.end();
    });
    const errors: Error[] = [];
    const metrics = influxMetrics({
      url: server.url,
      database: "db",
      flushIntervalMs: 10,
      requestTimeoutMs: 300,
      onError: (error) => errors.push(error),
    });
    metrics.counter("c").add();
    await until(() => server.posts.length === 2);
    await metrics.close();
    expect(errors[0]?.message).toBe("influxMetrics: no answer within 300 ms");
  });

  it("holds no more than maxQueueBytes while nobody is there, keeps sums that found no room, and counts what is left", async () => {
    const lost: string[] = [];
    const metrics = influxMetrics({
      url: "http://127.0.0.1:1",
      database: "db",
      flushIntervalMs: 5,
      maxQueueBytes: 200,
      onError: ({ message }) => lost.push(message),
    });
    const counter = metrics.counter("c");
    const observed = metrics.histogram("h");
    for (let i = 0; i < 100_000; i++) {
      counter.add();
      observed.observe(i);
    }
    await until(() => lost.length > 0);
    await metrics.close();
    expect(lost[0]).toContain("ECONNREFUSED");
    expect(lost.at(-1)).toMatch(/^influxMetrics: closed with [1-9] lines unsent$/);
  });

  it("loses nothing to a full queue once the server is back", async () => {
    let away = true;
    let flushes = 0;
    await using server = await webServer((response) => void response.writeHead(away ? 503 : 204).end());
    const metrics = influxMetrics({
      url: server.url,
      database: "db",
      flushIntervalMs: 1,
      maxQueueBytes: 300,
      now: () => ++flushes,
    });
    const [counter, observed] = [metrics.counter("c"), metrics.histogram("h")];
    for (let i = 0; i < 200; i++) {
      counter.add();
      observed.observe(i);
      const before = flushes;
      await until(() => flushes > before);
    }
    away = false;
    const refused = server.posts.length;
    const taken = () =>
      server.posts
        .slice(refused)
        .map(({ body }) => body)
        .join("");
    const sumOf = (name: string) =>
      Array.from(taken().matchAll(new RegExp(`^${name} count=(\\d+)`, "gm"))).reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    await until(() => sumOf("c") === 200 && sumOf("h") === 200);
    await metrics.close();
    expect([sumOf("c"), sumOf("h"), sumOf("metrics_dropped_total")]).toEqual([200, 200, 0]);
  });

  it("sends datagrams to a udp:// address", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const heard = once(socket, "message");
    const metrics = influxMetrics({ url: `udp://127.0.0.1:${socket.address().port}`, now: () => 1500 });
    metrics.counter("c").add(2);
    metrics.gauge("g").set(3);
    await metrics.close();
    expect(String((await heard)[0])).toBe("c count=2 1500000000\ng value=3 1500000000\n");
    socket.close();
  });

  it("does not keep the process alive, not even with a server that does not answer, and a last flush does until it is done", async () => {
    await using server = await webServer(() => {});
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const program = (last: string) => `
      import { influxMetrics } from ${JSON.stringify(entry)};
      const metrics = influxMetrics({ url: ${JSON.stringify(server.url)}, database: "db", flushIntervalMs: 10 });
      metrics.counter("c").add();
      ${last}`;
    const run = (last: string) => promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(last)]);
    expect((await run("setTimeout(() => {}, 200);")).stdout).toBe("");
    expect(server.posts).toHaveLength(1);
    expect((await run('await metrics.close(); console.log("closed");')).stdout).toBe("closed\n");
  });

  const http = { url: "http://127.0.0.1:8086", database: "db" };
  it.each<[string, object, string]>([
    ["flushIntervalMs", { ...http, flushIntervalMs: 0 }, "influxMetrics: flushIntervalMs must be a positive integer"],
    ["requestTimeoutMs", { ...http, requestTimeoutMs: 0 }, "requestTimeoutMs must be an integer from 1 to 2147483647"],
    [
      "maxQueueBytes",
      { ...http, maxQueueBytes: 0.5 },
      "maxQueueBytes must be an integer from 1 to 2147483647, got 0.5",
    ],
    ["closeTimeoutMs", { ...http, closeTimeoutMs: -1 }, "closeTimeoutMs must be an integer from 0 to 2147483647"],
    ["url", { url: "me:secret" }, "influxMetrics: url must be a URL that begins with http://, https:// or udp://"],
    ["url", { url: "udp://h:0" }, "influxMetrics: port must be an integer from 1 to 65535, got 0"],
    ["database", { url: "udp://h", database: "a" }, "influxMetrics: database means nothing to a udp:// url"],
    ["database", {}, "influxMetrics: one of database and bucket must be given"],
    ["bucket", { database: "a", bucket: "b" }, "influxMetrics: one of database and bucket must be given"],
    ["token", { database: "a", token: "t", username: "u" }, "token and username must not both be given"],
    ["token", { bucket: "b", token: "t\n" }, "influxMetrics: token must be visible ASCII characters"],
    ["tags", { ...http, tags: { time: "x" } }, 'influxMetrics: "time" cannot be a tag'],
    ["prefix", { ...http, prefix: "my app." }, 'influxMetrics: "my app.metrics_refused_total" cannot be a name'],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => influxMetrics(options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses names and labels that InfluxDB would read as something else", async () => {
    await using metrics = influxMetrics({ database: "db" });
    for (const name of ["a,b", "a b", "a\nb", "#a", "a=b"]) {
      expect(() => metrics.counter(name)).toThrow(TypeError);
      expect(() => metrics.gauge(name)).toThrow(TypeError);
      expect(() => metrics.histogram(name)).toThrow(TypeError);
    }
    for (const label of ["time", "_field", "a b", "a=b"]) {
      expect(() => metrics.counter("c", { labels: [label] })).toThrow(TypeError);
    }
  });
});
