import { memoryUsage } from "node:process";
import { describe, expect, it } from "vitest";
import { cmdline, type ExpvarMetrics, expvarMetrics, type ExpvarMetricsOptions, memstats } from "../src/index.ts";

const without: ExpvarMetricsOptions = { vars: {} };
const varsOf = (metrics: ExpvarMetrics): Record<string, unknown> => JSON.parse(metrics.page());

describe("expvarMetrics", () => {
  it("writes what is counted (go-kit TestCounter)", () => {
    const metrics = expvarMetrics({ ...without, prefix: "expvar_" });
    const counter = metrics.counter("counter");
    expect(varsOf(metrics)["expvar_counter"]).toBe(0);
    for (const delta of [1, 2.5, 0]) counter.add(delta);
    expect(varsOf(metrics)["expvar_counter"]).toBe(3.5);
  });

  it("writes where a gauge stands (go-kit TestGauge)", () => {
    const metrics = expvarMetrics(without);
    metrics.gauge("level").set(9);
    metrics.gauge("level").add(-12);
    expect(varsOf(metrics)["level"]).toBe(-3);
  });

  it("writes go-kit's quantiles of a histogram, and its count and sum (go-kit TestHistogram)", () => {
    const metrics = expvarMetrics({ ...without, bins: 100 });
    const histogram = metrics.histogram("h");
    expect(varsOf(metrics)).toEqual({ "h.count": 0, "h.sum": 0, metrics_refused_total: {} });
    for (let value = 1; value <= 100; value++) histogram.observe(value);
    expect(varsOf(metrics)).toEqual({
      "h.count": 100,
      "h.sum": 5050,
      "h.p50": 50,
      "h.p90": 90,
      "h.p95": 95,
      "h.p99": 99,
      metrics_refused_total: {},
    });
  });

  it("writes the page as Go does", () => {
    const metrics = expvarMetrics({ vars: { cmdline: () => ["./a"], 'b"\n': () => ({ c: 1.5 }) } });
    metrics.counter("shop.c").add(3.5);
    metrics.gauge("shop.g").set(-1e21);
    metrics.histogram("shop.h").observe(0.25);
    const map = metrics.counter("m", { labels: ["l"] });
    map.with({ l: 'b"\n' }).add(1);
    map.with({ l: "a" }).add(2);
    // Go 1.26 wrote the same, but for the order of "\n" and its like, and the names that go-kit lacks.
    expect(metrics.page()).toBe(`{
"b\\"\\n": {"c":1.5},
"cmdline": ["./a"],
"m": {"a": 2, "b\\"\\n": 1},
"metrics_refused_total": {},
"shop.c": 3.5,
"shop.g": -1e+21,
"shop.h.count": 1,
"shop.h.p50": 0.25,
"shop.h.p90": 0.25,
"shop.h.p95": 0.25,
"shop.h.p99": 0.25,
"shop.h.sum": 0.25
}
`);
  });

  it("makes a map of each label, in the order they were declared", () => {
    const metrics = expvarMetrics(without);
    const counter = metrics.counter("orders", { labels: ["country", "city"] });
    counter.with({ city: "Bonn", country: "de" }).add(1);
    counter.with({ country: "de" }).add(2);
    counter.add(4);
    metrics
      .histogram("wait", { labels: ["zone"] })
      .with({ zone: "eu" })
      .observe(5);
    expect(varsOf(metrics)).toMatchObject({
      orders: { de: { Bonn: 1, "": 2 }, "": { "": 4 } },
      "wait.count": { eu: 1 },
      "wait.p50": { eu: 5 },
    });
  });

  it("takes label names and values that objects have a meaning of their own for", () => {
    const metrics = expvarMetrics(without);
    const counter = metrics.counter("c", { labels: ["constructor", "__proto__"] });
    counter.with({ constructor: "__proto__" }).add(1);
    counter.with(JSON.parse('{ "constructor": "toString", "__proto__": "constructor" }')).add(2);
    expect(metrics.page()).toContain('\n"c": {"__proto__": {"": 1}, "toString": {"constructor": 2}},\n');
  });

  it("has the command line and what V8 knows of memory, unless told otherwise", () => {
    const vars = varsOf(expvarMetrics());
    expect(Object.keys(vars)).toEqual(["cmdline", "memstats", "metrics_refused_total"]);
    expect(vars["cmdline"]).toEqual(process.argv);
    const { heapTotal } = memoryUsage();
    expect(vars["memstats"]).toEqual({
      Alloc: expect.any(Number),
      HeapAlloc: expect.any(Number),
      HeapSys: expect.any(Number),
    });
    const { Alloc, HeapAlloc, HeapSys } = memstats();
    expect(HeapAlloc).toBe(Alloc);
    expect(HeapSys / heapTotal).toBeGreaterThan(0.5);
    expect(HeapSys / heapTotal).toBeLessThan(2);
    expect(varsOf(expvarMetrics({ vars: { memstats } }))).not.toHaveProperty("cmdline");
    expect(cmdline()).toBe(process.argv);
  });

  it("asks for other variables at each reading, and leaves out what is undefined", () => {
    let uptime = 0;
    const metrics = expvarMetrics({ vars: { uptime: () => ++uptime, none: () => undefined, nothing: () => null } });
    expect(varsOf(metrics)).toEqual({ uptime: 1, nothing: null, metrics_refused_total: {} });
    expect(varsOf(metrics)).toEqual({ uptime: 2, nothing: null, metrics_refused_total: {} });
  });

  it("stays readable after close", async () => {
    const metrics = expvarMetrics(without);
    const counter = metrics.counter("c");
    counter.add(1);
    await metrics.close();
    counter.add(1);
    expect(varsOf(metrics)["c"]).toBe(2);
  });

  it("refuses a name that another variable has, which panics in Go", () => {
    const metrics = expvarMetrics();
    metrics.histogram("h");
    metrics.counter("i.count");
    const taken = (name: string) => new TypeError(`expvarMetrics: "${name}" is a variable already`);
    expect(() => metrics.counter("memstats")).toThrow(taken("memstats"));
    expect(() => metrics.gauge("h.p99")).toThrow(taken("h.p99"));
    expect(() => metrics.histogram("i")).toThrow(taken("i.count"));
    // Nothing of it was taken.
    expect(() => metrics.gauge("i.sum")).not.toThrow();
    expect(() => expvarMetrics({ vars: { metrics_refused_total: () => 1 } })).toThrow(taken("metrics_refused_total"));
  });

  it.each<[string, object, string]>([
    ["bins", { bins: 0 }, "expvarMetrics: bins must be a positive integer, got 0"],
    ["bins", { bins: 1.5 }, "expvarMetrics: bins must be a positive integer, got 1.5"],
    ["vars", { vars: { version: "1" } }, 'expvarMetrics: vars "version" must be a function'],
  ])("refuses a wrong option: %s", (_, options, message) => {
    expect(() => expvarMetrics(options)).toThrow(new TypeError(message));
  });
});
