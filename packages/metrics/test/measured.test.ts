import { background, callInfo, chain, type Endpoint, KitError, refusal } from "@kit/endpoint";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { discardMetrics, measured, type MeasuredOptions, memoryMetrics, metricsFrom } from "../src/index.ts";

const sum = { service: "addsvc", name: "sum" };
const labels = { service: "addsvc", method: "sum" };

/** An endpoint under measurement whose calls take 250 ms of a made-up clock. */
function setup(endpoint: Endpoint, options: MeasuredOptions = sum) {
  const metrics = memoryMetrics();
  const clock = { ms: 0 };
  const call = measured(metrics, { now: () => clock.ms, ...options })((request, ctx) => {
    clock.ms += 250;
    return endpoint(request, ctx);
  });
  const durations = (code: string, of: Record<string, string> = labels) =>
    metrics.distribution("request_duration_seconds", { ...of, code });
  const inFlight = () => metrics.value("requests_in_flight", labels);
  return { metrics, clock, call, durations, inFlight };
}

const at = (service: string, method: string) => background.with(callInfo, { service, method, transport: "http" });

describe("measured", () => {
  it("measures how long calls take, by outcome", async () => {
    const errors = [
      new KitError("not_found", "none"),
      refusal("resource_exhausted", "limit"),
      new Error("bug"),
      "no error at all",
    ];
    const { call, durations } = setup(async (n: number) => {
      return n > 0 ? Promise.reject(errors[n - 1]) : n;
    });
    expect(await call(0, background)).toBe(0);
    expect(await call(0, background)).toBe(0);
    for (const [i, error] of errors.entries()) await expect(call(i + 1, background)).rejects.toBe(error);
    expect(durations("ok")).toMatchObject({ count: 2, sum: 0.5 });
    expect(durations("not_found")).toMatchObject({ count: 1, sum: 0.25 });
    expect(durations("resource_exhausted")).toMatchObject({ count: 1 });
    expect(durations("unknown")).toMatchObject({ count: 2 });
  });

  it("counts a business failure as its own outcome, and hands the response on", async () => {
    const response = { failed: () => new KitError("not_found", "no such order") };
    const { call, durations } = setup(async () => response);
    expect(await call({}, background)).toBe(response);
    expect(durations("failure")).toMatchObject({ count: 1 });
    expect(durations("ok")).toBeUndefined();
  });

  it("hands on a response whose failed() throws", async () => {
    const response = {
      failed() {
        throw new Error("broken");
      },
    };
    const { call, durations, inFlight } = setup(async () => response);
    expect(await call({}, background)).toBe(response);
    expect(durations("failure")).toMatchObject({ count: 1 });
    expect(inFlight()).toBe(0);
  });

  it("knows how many calls are under way", async () => {
    const finish: (() => void)[] = [];
    const { call, inFlight } = setup(
      () =>
        new Promise((resolve, reject) =>
          finish.push(
            () => resolve(1),
            () => reject(new Error("2")),
          ),
        ),
    );
    const calls = [call({}, background), call({}, background)];
    expect(inFlight()).toBe(2);
    finish[0]!();
    await calls[0];
    expect(inFlight()).toBe(1);
    finish[3]!();
    await expect(calls[1]).rejects.toThrow("2");
    expect(inFlight()).toBe(0);
  });

  it("ends a call whose endpoint throws at once or returns no promise", async () => {
    const error = new KitError("internal", "thrown");
    const throwing = setup(() => {
      throw error;
    });
    expect(() => throwing.call({}, background)).toThrow(error);
    expect(throwing.durations("internal")).toMatchObject({ count: 1, sum: 0.25 });
    expect(throwing.inFlight()).toBe(0);

    const empty = setup(() => undefined as unknown as Promise<never>);
    expect(() => empty.call({}, background)).toThrow(TypeError);
    expect(empty.inFlight()).toBe(0);
  });

  it("takes service and method from the context where it was not told, call by call", async () => {
    const { call, durations, metrics } = setup(async () => 1, {});
    for (const ctx of [at("a", "x"), at("a", "x"), at("a", "y"), at("b", "y"), background]) await call({}, ctx);
    expect(durations("ok", { service: "a", method: "x" })).toMatchObject({ count: 2 });
    expect(durations("ok", { service: "a", method: "y" })).toMatchObject({ count: 1 });
    expect(durations("ok", { service: "b", method: "y" })).toMatchObject({ count: 1 });
    expect(durations("ok", {})).toMatchObject({ count: 1 });
    for (const of of [{ service: "a", method: "x" }, { service: "b", method: "y" }, {}]) {
      expect(metrics.value("requests_in_flight", of)).toBe(0);
    }
  });

  it("asks the context only for what it was not told", async () => {
    const { call, durations } = setup(async () => 1, { service: "mine" });
    await call({}, background.with(callInfo, { service: "other", method: "x", transport: "http" }));
    expect(durations("ok", { service: "mine", method: "x" })).toMatchObject({ count: 1 });

    const told = setup(async () => 1);
    const get = vi.fn<() => undefined>();
    await told.call({}, { get } as unknown as typeof background);
    expect(get).not.toHaveBeenCalled();
  });

  it("gives a call back to the method it began under", async () => {
    const finish: (() => void)[] = [];
    const metrics = memoryMetrics();
    const call = measured(metrics)(() => new Promise<void>((resolve) => finish.push(resolve)));
    const calls = [call({}, at("s", "x")), call({}, at("s", "y"))];
    for (const done of finish) done();
    await Promise.all(calls);
    for (const method of ["x", "y"]) expect(metrics.value("requests_in_flight", { service: "s", method })).toBe(0);
  });

  it("gives the call's context with its duration, for exemplars", async () => {
    const seen: unknown[] = [];
    const metrics = metricsFrom({
      counter: () => () => ({ add() {} }),
      gauge: () => () => ({ set() {}, add() {} }),
      histogram: () => () => ({ observe: (_, ctx) => seen.push(ctx) }),
      close: async () => {},
    });
    const [one, other] = [background.withCancel(), background.withCancel()];
    const call = measured(metrics, sum)(async (n: number) => (n === 0 ? n : Promise.reject(new Error("bug"))));
    await call(0, one);
    await expect(call(1, other)).rejects.toThrow("bug");
    expect(seen).toEqual([one, other]);
    expect(seen[0]).toBe(one);
  });

  it("looks a series up once for each outcome, not at each call", async () => {
    const opened = vi.fn<(labels: object) => void>();
    const open = (given: object) => {
      opened(given);
      return { add() {}, set() {}, observe() {} };
    };
    const metrics = metricsFrom({
      counter: () => open,
      gauge: () => open,
      histogram: () => open,
      close: async () => {},
    });
    const lookup = vi.spyOn(Map.prototype, "get");
    const call = measured(metrics, sum)(async () => 1);
    await call({}, background);
    lookup.mockClear();
    for (let i = 0; i < 10; i++) await call({}, background);
    // One for the outcome's histogram; a lookup by labels would take three.
    expect(lookup.mock.calls.length).toBeLessThanOrEqual(10);
    lookup.mockRestore();
    expect(opened.mock.calls).toEqual([[labels], [{ ...labels, code: "ok" }]]);
  });

  it("puts the prefix before its names, uses the buckets, and shares instruments between methods", async () => {
    const histogram = vi.spyOn(discardMetrics, "histogram");
    measured(discardMetrics, { ...sum, prefix: "client_", buckets: [0.1, 1] });
    expect(histogram).toHaveBeenCalledWith("client_request_duration_seconds", {
      help: expect.any(String),
      labels: ["service", "method", "code"],
      unit: "seconds",
      buckets: [0.1, 1],
    });
    histogram.mockRestore();
    const metrics = memoryMetrics();
    await measured(metrics, sum)(async () => 1)({}, background);
    await measured(metrics, { ...sum, name: "concat" })(async () => 1)({}, background);
    expect(metrics.series().map((series) => series.labels.method)).toEqual(["sum", "sum", "concat", "concat"]);
  });

  it("takes a clock that ran backwards for no time", async () => {
    const { call, clock, durations } = setup(async () => void (clock.ms -= 1000));
    await call({}, background);
    expect(durations("ok")).toMatchObject({ count: 1, sum: 0 });
  });

  it("fits any endpoint and keeps its types, and takes a method's description as it is", () => {
    const description = { service: "addsvc", name: "sum", idempotent: true, http: "POST /sum" };
    const middleware = measured(discardMetrics, description);
    const endpoint = middleware(async ({ a }: { a: number }) => ({ v: a }));
    expectTypeOf(endpoint).toEqualTypeOf<Endpoint<{ a: number }, { v: number }>>();
    expectTypeOf(chain(middleware, middleware)).toExtend<typeof middleware>();
    expect(endpoint).toBeTypeOf("function");
  });
});
