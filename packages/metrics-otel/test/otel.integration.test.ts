import { background, KitError } from "@kit/endpoint";
import { measured } from "@kit/metrics";
import { redDashboard } from "@kit/metrics-prometheus/dashboard";
import { prometheus, type Server, startServer, whenStartable } from "@kit/servers";
import { diag, type DiagLogger } from "@opentelemetry/api";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { otelMetrics, type OtelMetricsOptions, rpcDuration } from "../src/index.ts";
import { exporting } from "./exporting.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Asks for what is so now, or at `time`, in seconds. */
async function query({ url }: Server, expression: string, time?: number): Promise<Series[]> {
  const parameters = new URLSearchParams({ query: expression, ...(time !== undefined && { time: `${time}` }) });
  const response = await fetch(`${url}/api/v1/query?${parameters.toString()}`, {
    headers: { connection: "close" },
  });
  const { data, error } = (await response.json()) as {
    readonly data?: { readonly result: readonly { metric: Record<string, string>; value: [number, string] }[] };
    readonly error?: string;
  };
  if (data === undefined) throw new Error(error);
  return data.result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
}

whenStartable(prometheus, () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer(prometheus)));
  afterAll(() => server[Symbol.asyncDispose]());

  /** The SDK, sending OTLP to that Prometheus. */
  function setup(options: Omit<OtelMetricsOptions, "meter"> = {}) {
    const sdk = exporting(`${server.url}/api/v1/otlp/v1/metrics`, { timeoutMs: 5000 });
    onTestFinished(() => sdk[Symbol.asyncDispose]());
    return { metrics: otelMetrics({ meter: sdk.meter, ...options }), flush: sdk.flush };
  }
  const values = async (expression: string) => (await query(server, expression)).map(({ value }) => value);

  describe("otelMetrics, sent to Prometheus by OTLP", () => {
    it("has every number of its own in PromQL, under the names that metrics-prometheus has", async () => {
      const { metrics, flush } = setup({ upDownCounters: ["in_flight"] });
      const numbers = [1, 0.1, 123_456_789, 1e-7, 1e21, 0.30000000000000004, Number.MAX_VALUE];
      for (const [n, number] of numbers.entries()) {
        metrics
          .counter("c", { labels: ["n"] })
          .with({ n: `${n}` })
          .add(number);
        metrics
          .gauge("g", { labels: ["n"] })
          .with({ n: `${n}` })
          .set(-number);
      }
      metrics.counter("sent", { unit: "bytes" }).add(5);
      metrics.counter("orders_total").add(3);
      metrics.gauge("in_flight", { unit: "requests" }).add(4);
      metrics.gauge("in_flight", { unit: "requests" }).add(-1);
      const wait = metrics.histogram("wait_seconds", { unit: "seconds", buckets: [0.1, 1, 2.5] });
      for (const value of [0.05, 0.1, 0.5, 2, 2.5, 100]) wait.observe(value);
      await flush();

      const byLabel = async (name: string, label: string) =>
        Object.fromEntries((await query(server, name)).map(({ labels, value }) => [labels[label], value]));
      expect(await byLabel("c_total", "n")).toEqual(Object.fromEntries(numbers.entries()));
      expect(await byLabel("g", "n")).toEqual(Object.fromEntries(numbers.map((number, n) => [n, -number])));
      expect(await values("sent_bytes_total")).toEqual([5]);
      expect(await values("orders_total")).toEqual([3]);
      expect(await values("in_flight")).toEqual([3]);
      expect(await byLabel("wait_seconds_bucket", "le")).toEqual({ "0.1": 2, "1": 3, "2.5": 5, "+Inf": 6 });
      expect(await values("wait_seconds_count")).toEqual([6]);
      expect(await values("wait_seconds_sum")).toEqual([0.05 + 0.1 + 0.5 + 2 + 2.5 + 100]);
      expect((await query(server, "orders_total"))[0]!.labels).toMatchObject({ job: "shop", instance: "one" });
    });

    it("has the calls of measured under the names of the conventions, if so told", async () => {
      const { metrics, flush } = setup({ renamed: { request_duration_seconds: rpcDuration("server", "nats") } });
      await measured(metrics, { service: "s", name: "m" })(async () => {})(undefined, background);
      await flush();
      const counted = 'rpc_server_call_duration_seconds_count{rpc_method="s/m",rpc_system_name="nats"}';
      expect(await values(counted)).toEqual([1]);
    });

    it("answers every query of redDashboard", async () => {
      const { metrics, flush } = setup({ prefix: "red_" });
      let now = 0;
      const calls = (["order", "pay"] as const).map((name) =>
        measured(metrics, { service: "shop", name, now: () => now })(async (failing: boolean) => {
          now += 2000;
          if (failing) throw new KitError("unavailable", "as planned");
        }),
      );
      // Each series grows evenly, so that their proportions hold whatever the clock does.
      for (let round = 0; round < 5; round++) {
        for (let i = 0; i < 4; i++) await calls[0]!(false, background);
        for (let i = 0; i < 4; i++) await calls[1]!(i === 0, background).catch(() => {});
        await flush();
      }
      // One moment for all of them, for a rate changes as time passes.
      const time = Date.now() / 1000;
      const shown: Record<string, Record<string, number>> = {};
      for (const { title, targets } of redDashboard({ prefix: "red_" }).panels) {
        const lines: Record<string, number> = (shown[title] = {});
        for (const { expr, legendFormat } of targets) {
          const expression = expr.replaceAll("$__rate_interval", "10m").replaceAll(/\$(service|method)/g, ".*");
          const answer = await query(server, expression, time);
          expect(answer.length, expression).toBeGreaterThan(0);
          for (const { labels, value } of answer) {
            const legend = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => labels[name] ?? "");
            lines[legend] = Number(value.toPrecision(9));
          }
        }
      }
      expect(shown["Errors"]).toEqual({ Errors: 0.125 });
      expect(shown["Share of errors by method"]).toEqual({ "shop/order": 0, "shop/pay": 0.25 });
      expect(shown["In flight by method"]).toEqual({ "shop/order": 0, "shop/pay": 0 });
      // All are between 1 and 2.5 s.
      expect(shown["Duration"]).toEqual({ p50: 1.75, p90: 2.35, p99: 2.485, mean: 2 });
      const { Rate: rate = 0 } = shown["Rate"]!;
      const { ok = 0, unavailable = 0 } = shown["Rate by code"]!;
      expect([ok / rate, unavailable / rate]).toEqual([expect.closeTo(0.875), expect.closeTo(0.125)]);
    });

    it("loses nothing to a Prometheus that was stopped, or killed and started anew", async () => {
      diag.setLogger({ error() {}, warn() {}, info() {}, debug() {}, verbose() {} } satisfies DiagLogger);
      onTestFinished(() => diag.disable());
      const { metrics, flush } = setup();
      const counter = metrics.counter("survived");
      counter.add(1);
      await flush();
      server.pause();
      counter.add(2);
      const sent = flush().catch(() => {});
      counter.add(3);
      server.resume();
      await sent;
      await flush();
      expect(await values("survived_total")).toEqual([6]);
      await server.kill();
      counter.add(4);
      await flush().catch(() => {});
      await server.restart();
      await flush();
      expect(await values("survived_total")).toEqual([10]);
    });
  });
});
