import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { graphiteMetrics, type GraphiteMetricsOptions } from "../src/index.ts";

type GraphiteMetrics = ReturnType<typeof graphiteMetrics>;

/** Metrics and the lines that came out of them once they were closed. */
async function linesOf(
  options: GraphiteMetricsOptions,
  use: (metrics: GraphiteMetrics) => void | Promise<void>,
): Promise<string[]> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  try {
    const lines: string[] = [];
    socket.on("message", (message) => lines.push(...message.toString().trimEnd().split("\n")));
    const metrics = graphiteMetrics({
      protocol: "udp",
      port: socket.address().port,
      flushIntervalMs: 60_000,
      now: () => 125_000,
      ...options,
    });
    await use(metrics);
    metrics.gauge("the_end").set(1);
    await metrics.close();
    await vi.waitUntil(() => lines.some((line) => line.includes("the_end")), { timeout: 20_000 });
    return lines.filter((line) => !/the_end|metrics_dropped_total 0/.test(line));
  } finally {
    socket.close();
  }
}

vi.setConfig({ testTimeout: 30_000 });

describe("graphiteMetrics", () => {
  it("writes a counter's sum with the time of its step (go-kit TestCounter)", async () => {
    const lines = await linesOf({ prefix: "abc." }, (metrics) => {
      const counter = metrics.counter("def", { labels: ["label"] });
      counter.add();
      counter.add(2.5);
      counter.with({ label: "value" }).add(7);
      metrics.counter("none", { labels: ["label"] }).with({ label: "value" });
    });
    expect(lines).toEqual(["abc.def 3.5 120", "abc.def.label.value 7 120", "abc.none.label.value 0 120"]);
  });

  it("writes where a gauge stands, below zero as well (go-kit TestGauge)", async () => {
    const lines = await linesOf({ prefix: "ghi." }, (metrics) => {
      metrics.gauge("jkl").set(9);
      metrics.gauge("jkl").add(-2);
      metrics.gauge("below").set(-5);
      metrics.gauge("never");
    });
    expect(lines).toEqual(["ghi.jkl 7 120", "ghi.below -5 120"]);
  });

  it("writes how many values a histogram has had and four quantiles of them (go-kit TestHistogram)", async () => {
    const lines = await linesOf({}, (metrics) => {
      const observed = metrics.histogram("wait", { labels: ["code"] });
      for (let value = 1; value <= 20; value++) observed.observe(value);
      observed.with({ code: "ok" }).observe(0.5);
      metrics.histogram("empty", { labels: ["code"] }).with({ code: "ok" });
    });
    expect(lines).toEqual([
      "wait.count 20 120",
      "wait.p50 10 120",
      "wait.p90 18 120",
      "wait.p95 19 120",
      "wait.p99 20 120",
      "wait.code.ok.count 1 120",
      "wait.code.ok.p50 0.5 120",
      "wait.code.ok.p90 0.5 120",
      "wait.code.ok.p95 0.5 120",
      "wait.code.ok.p99 0.5 120",
      "empty.code.ok.count 0 120",
    ]);
  });

  it("sends a step's whole sum at each flush in it, and begins again with the next", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      let clock = 120_000;
      const lines = await linesOf({ flushIntervalMs: 20_000, now: () => clock }, (metrics) => {
        const [counter, observed] = [metrics.counter("c"), metrics.histogram("h")];
        const pass = (): void => {
          clock += 20_000;
          vi.advanceTimersByTime(20_000);
        };
        counter.add(1);
        observed.observe(5);
        pass();
        counter.add(2);
        observed.observe(7);
        pass();
        pass();
        pass();
        counter.add(4);
      });
      expect(lines.filter((line) => /^c |count/.test(line))).toEqual([
        "c 1 120",
        "h.count 1 120",
        "c 3 120",
        "h.count 2 120",
        "c 3 120",
        "h.count 2 120",
        "c 0 180",
        "h.count 0 180",
        "c 4 180",
        "h.count 0 180",
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("keeps what there was no room for until there is, and loses nothing", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const backend = createServer((socket) => socket.setEncoding("utf8").on("data", (part) => (text += part)));
    let text = "";
    try {
      // Nobody is there at first.
      await once(backend.listen(0, "127.0.0.1"), "listening");
      const { port } = backend.address() as AddressInfo;
      await new Promise((resolve) => backend.close(resolve));
      let clock = 120_000;
      const metrics = graphiteMetrics({ port, flushIntervalMs: 60_000, maxQueueBytes: 300, now: () => clock });
      const [counter, observed] = [metrics.counter("c"), metrics.histogram("h")];
      const step = (): void => {
        clock += 60_000;
        vi.advanceTimersByTime(60_000);
      };
      for (let i = 0; i < 20; i++) {
        counter.add(1);
        observed.observe(i);
        step();
      }
      backend.listen(port, "127.0.0.1");
      const sumOf = (path: string): number =>
        Array.from(text.matchAll(new RegExp(`^${path} (\\d+) `, "gm"))).reduce(
          (sum, [, value]) => sum + Number(value),
          0,
        );
      await vi.waitUntil(
        () => {
          step();
          return sumOf("c") === 20 && sumOf("h.count") === 20;
        },
        { timeout: 20_000 },
      );
      await metrics.close();
      expect([sumOf("c"), sumOf("h.count"), sumOf("metrics_dropped_total")]).toEqual([20, 20, 0]);
    } finally {
      vi.useRealTimers();
      backend.close();
    }
  });

  it("lets values whose names are the same share a series, and cuts what no file can be named", async () => {
    const lines = await linesOf({}, (metrics) => {
      const counter = metrics.counter("hits", { labels: ["path"] });
      counter.with({ path: "/a.b" }).add(1);
      counter.with({ path: "/a/b" }).add(2);
      counter.with({ path: "x".repeat(256) }).add(4);
      const observed = metrics.histogram("size", { labels: ["path"] });
      observed.with({ path: "/a.b" }).observe(1);
      observed.with({ path: "/a/b" }).observe(1);
    });
    expect(lines.slice(0, 3)).toEqual([
      "hits.path._a_b 3 120",
      `hits.path.${"x".repeat(240)} 4 120`,
      "size.path._a_b.count 2 120",
    ]);
  });

  it("writes labels as tags when told to, behind the part of a histogram", async () => {
    const lines = await linesOf({ tags: true }, (metrics) => {
      metrics
        .counter("hits", { labels: ["path", "code"] })
        .with({ path: "/a;b c", code: "~ok" })
        .add(3);
      metrics
        .histogram("wait", { labels: ["code"] })
        .with({ code: "ok" })
        .observe(1);
    });
    expect(lines.slice(0, 3)).toEqual([
      "hits;path=/a_b_c;code=_ok 3 120",
      "wait.count;code=ok 1 120",
      "wait.p50;code=ok 1 120",
    ]);
  });

  it("does not keep the process alive, and a last flush does until it is done", async () => {
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const program = (last: string) => `
      import { graphiteMetrics } from ${JSON.stringify(entry)};
      const metrics = graphiteMetrics({ port: 1, flushIntervalMs: 10 });
      metrics.counter("c").add();
      ${last}`;
    const run = (last: string) => promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(last)]);
    expect((await run("")).stdout).toBe("");
    expect((await run('await metrics.close(); console.log("closed");')).stdout).toBe("closed\n");
  });

  it.each<[string, object, string]>([
    ["flushIntervalMs", { flushIntervalMs: 0 }, "graphiteMetrics: flushIntervalMs must be a positive integer, got 0"],
    ["resolutionMs", { resolutionMs: 0 }, "graphiteMetrics: resolutionMs must be a positive multiple of 1000, got 0"],
    ["resolutionMs", { resolutionMs: 1500 }, "resolutionMs must be a positive multiple of 1000, got 1500"],
    ["prefix", { prefix: "my app." }, 'graphiteMetrics: "my app.metrics_refused_total" cannot be a name'],
    ["port", { port: -1 }, "graphiteMetrics: port must be an integer from 1 to 65535, got -1"],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => graphiteMetrics(options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses names that Graphite would read as something else", async () => {
    await using metrics = graphiteMetrics({ tags: true });
    for (const name of ["a;b", "a b", "a\nb", "a..b", "a/b"]) {
      expect(() => metrics.counter(name)).toThrow(TypeError);
      expect(() => metrics.gauge(name)).toThrow(TypeError);
      expect(() => metrics.histogram(name)).toThrow(TypeError);
    }
    expect(() => metrics.counter("c", { labels: ["a.b"] })).toThrow('"a.b" cannot be a label of "c"');
    expect(() => metrics.counter("c", { labels: ["name"] })).toThrow('"name" cannot be a label of "c"');
  });
});
