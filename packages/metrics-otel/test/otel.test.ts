import type { ServerResponse } from "node:http";
import { background, contextKey, KitError } from "@kit/endpoint";
import { measured, type Metrics } from "@kit/metrics";
import { withSpan } from "@kit/tracing-otel";
import { diag, type Meter, metrics as api, trace } from "@opentelemetry/api";
import { createAllowListAttributesProcessor } from "@opentelemetry/sdk-metrics";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { otelMetrics, type OtelMetricsOptions, rpcDuration } from "../src/index.ts";
import { type Collector, collector, type OtlpPoint } from "./collector.ts";
import { exporting } from "./exporting.ts";

type Setup = Parameters<typeof exporting>[1] & { readonly answer?: (response: ServerResponse) => void };

/** Metrics through the SDK to a collector. */
async function setup(options: Omit<OtelMetricsOptions, "meter"> = {}, { answer, ...sdk }: Setup = {}) {
  const receiver = await collector(answer);
  const { meter, flush, [Symbol.asyncDispose]: shutdown } = exporting(receiver.url, sdk);
  onTestFinished(async () => {
    await shutdown();
    await receiver[Symbol.asyncDispose]();
  });
  return { metrics: otelMetrics({ meter, ...options }), meter, flush, receiver };
}

const attributesOf = ({ attributes }: OtlpPoint) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value["stringValue"]]));

/** What OpenTelemetry has to complain of, which is nothing where it is not asked for. */
function diagnosed() {
  const logger = { error: vi.fn<() => void>(), warn: vi.fn<() => void>(), info() {}, debug() {}, verbose() {} };
  diag.setLogger(logger);
  onTestFinished(() => diag.disable());
  return logger;
}

describe("otelMetrics", () => {
  it("sends names as they are, units as UCUM has them, and what each metric is", async () => {
    const { warn } = diagnosed();
    const { metrics, flush, receiver } = await setup({ prefix: "shop.", upDownCounters: ["in_flight"] });
    metrics.counter("sent_total", { unit: "bytes", help: "Bytes sent." }).add(5);
    metrics.gauge("heap", { unit: "bytes" }).set(-1.5);
    metrics.gauge("in_flight", { unit: "requests" }).add(2);
    metrics.histogram("wait", { unit: "seconds" }).observe(0.5);
    await flush();
    const seen = ({ unit, description, ...rest }: ReturnType<Collector["metric"]> & object) => {
      const kind = ["sum", "gauge", "histogram"].find((one) => one in rest);
      return [kind, unit, description, rest.sum?.isMonotonic];
    };
    expect(seen(receiver.metric("shop.sent_total")!)).toEqual(["sum", "By", "Bytes sent.", true]);
    expect(seen(receiver.metric("shop.heap")!)).toEqual(["gauge", "By", "", undefined]);
    expect(seen(receiver.metric("shop.in_flight")!)).toEqual(["sum", "{requests}", "", false]);
    expect(seen(receiver.metric("shop.wait")!)).toEqual(["histogram", "s", "", undefined]);
    expect(receiver.points("shop.heap", {})).toMatchObject([{ asDouble: -1.5 }]);
    expect(warn).not.toHaveBeenCalled();
  });

  it("advises buckets: the histogram's own, the provider's, the conventions' for seconds, else none", async () => {
    const bounds = async (options: Omit<OtelMetricsOptions, "meter">, name: string, own: object) => {
      const { metrics, flush, receiver } = await setup(options);
      metrics.histogram(name, own).observe(1);
      await flush();
      return receiver.points(name, {})[0]!.explicitBounds;
    };
    const mine = [1, 2];
    expect(await bounds({ buckets: [5] }, "h", { buckets: mine, unit: "seconds" })).toEqual([1, 2]);
    expect(Object.isFrozen(mine)).toBe(false);
    expect(await bounds({ buckets: [5] }, "h", { unit: "seconds" })).toEqual([5]);
    const seconds = await bounds({}, "h", { unit: "seconds" });
    expect([seconds!.length, seconds![0], seconds!.at(-1)]).toEqual([14, 0.005, 10]);
    // The SDK's own.
    expect((await bounds({}, "h", { unit: "bytes" }))!.at(-1)).toBe(10_000);
  });

  it("puts its default labels on its own series, an instrument's value before them", async () => {
    const defaultLabels: Record<string, string> = { zone: "eu", service: "shop" };
    const { metrics, flush, receiver } = await setup({ defaultLabels });
    defaultLabels["zone"] = "changed";
    metrics.counter("c").add();
    metrics
      .gauge("g", { labels: ["service"] })
      .with({ service: "own" })
      .set(1);
    await flush();
    expect(receiver.points("c", { zone: "eu", service: "shop" })).toMatchObject([{ asDouble: 1 }]);
    expect(receiver.points("g", { zone: "eu", service: "own" })).toMatchObject([{ asDouble: 1 }]);
  });

  it.each(["cumulative", "delta"] as const)("sends a gauge with every flush, set or not: %s", async (temporality) => {
    const { metrics, flush, receiver } = await setup({ upDownCounters: ["up_down"] }, { temporality });
    metrics.gauge("g", { labels: ["a"] });
    metrics
      .gauge("g", { labels: ["a"] })
      .with({ a: "1" })
      .set(7);
    metrics.gauge("up_down").set(3);
    for (let i = 0; i < 3; i++) await flush();
    metrics.gauge("up_down").set(1);
    await flush();
    expect(receiver.points("g", { a: "1" }).map(({ asDouble }) => asDouble)).toEqual([7, 7, 7, 7]);
    expect(receiver.points("g", {})).toEqual([]);
    expect(receiver.points("up_down", {}).map(({ asDouble }) => asDouble)).toEqual([3, 3, 3, 1]);
  });

  it("shares what has one name with the other providers of a meter", async () => {
    const { metrics, meter, flush, receiver } = await setup();
    const other = otelMetrics({ meter });
    for (const one of [metrics, other]) {
      one.counter("c").add(2);
      one.gauge("g").add(3);
      one.histogram("h", { unit: "seconds" }).observe(1);
    }
    await metrics.close();
    other.gauge("g").add(1);
    await flush();
    expect(receiver.points("c", {})).toMatchObject([{ asDouble: 4 }]);
    expect(receiver.points("g", {})).toMatchObject([{ asDouble: 7 }]);
    expect(receiver.points("h", {})).toMatchObject([{ count: 2 }]);
    expect(receiver.exports.flat().filter(({ name }) => name === "g")).toHaveLength(1);
  });

  it("keeps all series that it lets in below the SDK's own limit", async () => {
    const { metrics, flush, receiver } = await setup();
    const instruments = [
      ["c", metrics.counter("c", { labels: ["n"] })],
      ["g", metrics.gauge("g", { labels: ["n"] })],
    ] as const;
    for (const [, instrument] of instruments) for (let n = 0; n < 2100; n++) instrument.with({ n: `${n}` }).add(1);
    await flush();
    for (const [name] of instruments) {
      const { sum, gauge } = receiver.metric(name)!;
      expect((sum ?? gauge)!.dataPoints).toHaveLength(1999);
      expect(receiver.points(name, { n: "1997" })).toMatchObject([{ asDouble: 1 }]);
      expect(receiver.points(name, { n: "overflow" })).toMatchObject([{ asDouble: 102 }]);
      expect(receiver.points("metrics_refused_total", { instrument: name, reason: "series_limit" })).toMatchObject([
        { asDouble: 102 },
      ]);
    }
  });

  it("counts values below zero, which the SDK would throw away, as dropped", async () => {
    const { warn } = diagnosed();
    const { metrics, flush, receiver } = await setup();
    const histogram = metrics.histogram("h");
    histogram.observe(1);
    histogram.observe(-1);
    await flush();
    expect(receiver.points("h", {})).toMatchObject([{ count: 1 }]);
    expect(receiver.points("metrics_dropped_total", {})).toMatchObject([{ asDouble: 1 }]);
    expect(warn).not.toHaveBeenCalled();
  });

  it("adds up what a view takes the attributes off", async () => {
    const views = [{ meterName: "test", attributesProcessors: [createAllowListAttributesProcessor(["a"])] }];
    const { metrics, flush, receiver } = await setup({ upDownCounters: ["u"] }, { views });
    for (const b of ["1", "2"]) {
      metrics
        .counter("c", { labels: ["a", "b"] })
        .with({ a: "x", b })
        .add(2);
      metrics
        .gauge("u", { labels: ["a", "b"] })
        .with({ a: "x", b })
        .set(3);
    }
    await flush();
    expect(receiver.points("c", { a: "x" })).toMatchObject([{ asDouble: 4 }]);
    expect(receiver.points("u", { a: "x" })).toMatchObject([{ asDouble: 6 }]);
  });

  it("hands a view the OpenTelemetry context of the call", async () => {
    const seen: unknown[] = [];
    const views = [
      {
        attributesProcessors: [
          {
            process(attributes: object, context?: Parameters<typeof trace.getSpanContext>[0]) {
              seen.push(context && trace.getSpanContext(context)?.spanId);
              return { ...attributes };
            },
          },
        ],
        meterName: "test",
      },
    ];
    const { metrics } = await setup({}, { views });
    const span = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 };
    const ctx = withSpan(background, trace.wrapSpanContext(span));
    metrics.counter("c").add(1, ctx);
    metrics.histogram("h").observe(1, ctx);
    metrics.counter("c").add(1);
    metrics.counter("c").add(1, background.with(contextKey("other"), 1));
    expect(seen).toEqual([span.spanId, span.spanId, undefined, undefined]);
  });

  it("flushes at close if it is told how, and never fails at that", async () => {
    const { error } = diagnosed();
    const { receiver, meter, flush } = await setup();
    const metrics = otelMetrics({ meter, flush });
    metrics.counter("c").add(3);
    await metrics.close();
    expect(receiver.points("c", {})).toMatchObject([{ asDouble: 3 }]);
    expect(error).not.toHaveBeenCalled();
    const away = otelMetrics({ meter, flush: () => Promise.reject(new Error("away")) });
    await away.close();
    expect(error).toHaveBeenCalledOnce();
  });

  it("does nothing, at no harm, where there is no provider", async () => {
    const metrics = otelMetrics({ meter: api.getMeter("none"), upDownCounters: ["u"] });
    metrics.counter("c").add(1);
    metrics.gauge("g").set(1);
    metrics.gauge("u").set(1);
    metrics.histogram("h").observe(1);
    await expect(metrics.close()).resolves.toBeUndefined();
  });

  it("fails no call when the meter or a renaming does", async () => {
    const { error } = diagnosed();
    const fault = (): never => {
      throw new Error("broken");
    };
    const instrument = { add: fault, record: fault, addCallback() {} };
    const make = () => instrument;
    const names = ["createCounter", "createUpDownCounter", "createHistogram", "createObservableGauge"];
    const meter = Object.fromEntries(names.map((name) => [name, make])) as unknown as Meter;
    const metrics = otelMetrics({
      meter,
      upDownCounters: ["u"],
      renamed: { request_duration_seconds: { name: "x", attributes: fault } },
    });
    const call = measured(metrics, { service: "s", name: "m" })(async (n: number) => n);
    expect(await call(1, background)).toBe(1);
    metrics.counter("c").add();
    metrics.gauge("u").set(1);
    expect(error).toHaveBeenCalledTimes(4);
  });

  it.each<[string, object, string]>([
    ["meter", { meter: undefined }, "otelMetrics: meter must be a meter of OpenTelemetry"],
    ["meter", { meter: {} }, "otelMetrics: meter must be a meter of OpenTelemetry"],
    ["buckets", { buckets: [] }, "otelMetrics: buckets must be ascending finite numbers, got none"],
    ["buckets", { buckets: [2, 1] }, "otelMetrics: buckets must be ascending finite numbers, got 2, 1"],
    ["prefix", { prefix: "1." }, 'otelMetrics: "1.metrics_refused_total" cannot be a name'],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = (): Metrics => otelMetrics({ meter: api.getMeter("none"), ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses names that OpenTelemetry would", () => {
    const metrics = otelMetrics({ meter: api.getMeter("none"), renamed: { renamed: { name: "a b" } } });
    for (const name of ["_a", "4xx", "a b", "a:b", "ä", "x".repeat(256), "renamed"]) {
      expect(() => metrics.counter(name)).toThrow(TypeError);
      expect(() => metrics.gauge(name)).toThrow(TypeError);
      expect(() => metrics.histogram(name)).toThrow(TypeError);
    }
    expect(() => metrics.counter("a.b-c/d_e")).not.toThrow();
  });
});

describe("rpcDuration", () => {
  it("writes what measured does as the conventions have it", async () => {
    const { metrics, flush, receiver } = await setup({
      prefix: "shop.",
      defaultLabels: { zone: "eu" },
      renamed: {
        request_duration_seconds: rpcDuration("server", "http"),
        client_request_duration_seconds: rpcDuration("client", "nats"),
      },
    });
    const name = "order";
    const served = measured(metrics, { service: "shop", name })(async (response: unknown) => {
      if (response instanceof Error) throw response;
      return response;
    });
    await served("well", background);
    await served({ failed: () => new Error("sold out") }, background);
    await served(new KitError("not_found", "none"), background).catch(() => {});
    await measured(metrics, { name, prefix: "client_" })(async () => {})(undefined, background);
    await flush();
    const of = (called: string) => {
      const { unit, histogram } = receiver.metric(called)!;
      return [unit, ...histogram!.dataPoints.map(attributesOf)];
    };
    const call = { zone: "eu", "rpc.system.name": "http", "rpc.method": "shop/order" };
    expect(of("rpc.server.call.duration")).toEqual([
      "s",
      { ...call, "rpc.response.status_code": "OK" },
      { ...call, "rpc.response.status_code": "OK", "error.type": "failure" },
      { ...call, "rpc.response.status_code": "NOT_FOUND", "error.type": "not_found" },
    ]);
    expect(of("rpc.client.call.duration")).toEqual([
      "s",
      { zone: "eu", "rpc.system.name": "nats", "rpc.method": "order", "rpc.response.status_code": "OK" },
    ]);
    expect(receiver.metric("shop.requests_in_flight")).toBeDefined();
  });
});

describe("an exporter whose collector", () => {
  it.for([
    ["answers 500", (response: ServerResponse): void => void response.writeHead(500).end()],
    ["answers garbage", (response: ServerResponse): void => void response.end("\0garbage")],
    ["cuts the connection", (response: ServerResponse): void => void response.destroy()],
    ["never answers", () => {}],
  ] as const)("%s fails no call, and has the sum of all once it is well", async ([, fault]) => {
    diagnosed();
    let broken = true;
    const answer = (response: ServerResponse): void => {
      if (broken) fault(response);
      else response.writeHead(200, { "content-type": "application/json" }).end("{}");
    };
    const { metrics, flush, receiver } = await setup({}, { answer, timeoutMs: 200 });
    const call = measured(metrics, { service: "s", name: "m" })(async (n: number) => n);
    for (let i = 0; i < 100; i++) expect(await call(i, background)).toBe(i);
    await flush().catch(() => {});
    expect(await call(1, background)).toBe(1);
    broken = false;
    await vi.waitFor(() => flush(), { timeout: 30_000 });
    const labels = { service: "s", method: "m", code: "ok" };
    expect(receiver.points("request_duration_seconds", labels).at(-1)).toMatchObject({ count: 101 });
  });
});
