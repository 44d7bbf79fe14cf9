import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryMetrics } from "../src/index.ts";

describe("memoryMetrics", () => {
  // go-kit TestValueReset
  it("hands over what it counted and begins again", () => {
    const metrics = memoryMetrics();
    const counter = metrics.counter("test_value_reset");
    for (const delta of [123, 456, 789]) counter.add(delta);
    expect(metrics.reset()).toEqual([
      { kind: "counter", name: "test_value_reset", labels: {}, value: 123 + 456 + 789 },
    ]);
    expect(metrics.value("test_value_reset")).toBe(0);
    counter.add(1);
    expect(metrics.reset()).toMatchObject([{ value: 1 }]);
  });

  it("empties histograms and leaves gauges when it begins again", () => {
    const metrics = memoryMetrics();
    const gauge = metrics.gauge("g");
    const histogram = metrics.histogram("h");
    gauge.set(5);
    histogram.observe(1);
    histogram.observe(3);
    const before = metrics.reset();
    gauge.add(2);
    histogram.observe(100);
    expect(before).toMatchObject([
      { kind: "gauge", value: 5 },
      { kind: "histogram", distribution: { count: 2, sum: 4, min: 1, max: 3 } },
    ]);
    expect(metrics.value("g")).toBe(7);
    expect(metrics.distribution("h")).toMatchObject({ count: 1, sum: 100 });
  });

  // go-kit TestSpaceWalkSums
  it("lists every series with its sum", () => {
    const metrics = memoryMetrics();
    const one = metrics.counter("metric_one", { labels: ["a", "b"] });
    const two = metrics.counter("metric_two", { labels: ["a", "b"] });
    for (const delta of [1, 2, 16]) one.add(delta);
    for (const delta of [4, 8]) one.with({ a: "1", b: "2" }).add(delta);
    one.with({ a: "1", b: "3" }).add(32);
    for (const delta of [64, 128]) two.add(delta);
    two.with({ a: "1", b: "2" }).add(256);
    expect(metrics.series()).toEqual([
      { kind: "counter", name: "metric_one", labels: {}, value: 1 + 2 + 16 },
      { kind: "counter", name: "metric_one", labels: { a: "1", b: "2" }, value: 4 + 8 },
      { kind: "counter", name: "metric_one", labels: { a: "1", b: "3" }, value: 32 },
      { kind: "counter", name: "metric_two", labels: {}, value: 64 + 128 },
      { kind: "counter", name: "metric_two", labels: { a: "1", b: "2" }, value: 256 },
    ]);
  });

  it("shares values between all children of one label set, and begins each at 0, where go-kit copies them", () => {
    const metrics = memoryMetrics();
    const counter = metrics.counter("c", { labels: ["a"] });
    counter.add(5);
    const [one, other] = [counter.with({ a: "1" }), counter.with({ a: "1" })];
    expect(metrics.value("c", { a: "1" })).toBe(0);
    one.add(1);
    other.add(2);
    expect(metrics.value("c", { a: "1" })).toBe(3);
    expect(metrics.value("c")).toBe(5);
  });

  it("has nothing where there is nothing", () => {
    const metrics = memoryMetrics();
    metrics.counter("c");
    metrics.histogram("h");
    expect(metrics.value("other")).toBeUndefined();
    expect(metrics.value("c", { a: "1" })).toBeUndefined();
    expect(metrics.value("h")).toBeUndefined();
    expect(metrics.distribution("c")).toBeUndefined();
    const empty = metrics.distribution("h")!;
    expect([empty.count, empty.sum, empty.min, empty.max, empty.quantile(0.5)]).toEqual([
      0,
      0,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("can be read after it was closed", async () => {
    const metrics = memoryMetrics();
    metrics.counter("c").add(1);
    await metrics.close();
    expect(metrics.value("c")).toBe(1);
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity])("refuses %d bins", (bins) => {
    expect(() => memoryMetrics({ bins })).toThrow(
      new TypeError(`memoryMetrics: bins must be a positive integer, got ${bins}`),
    );
  });
});

const observed = (values: readonly number[], bins?: number) => {
  const metrics = memoryMetrics(bins === undefined ? {} : { bins });
  const histogram = metrics.histogram("h");
  for (const value of values) histogram.observe(value);
  return metrics.distribution("h")!;
};

describe("a distribution", () => {
  const numbers = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 300 });

  // go-kit TestSimpleHistogram: its moving average is the mean
  it("knows the mean exactly", () => {
    const values = Array.from({ length: 1234 }, (_, i) => (i * 7919) % 1000);
    const { sum, count } = observed(values);
    expect(sum / count).toBe(values.reduce((total, value) => total + value, 0) / 1234);
  });

  // go-kit TestIssue424
  it("takes its own quantiles as observations", () => {
    const metrics = memoryMetrics();
    const histogram = metrics.histogram("dont_panic");
    const distribution = metrics.distribution("dont_panic")!;
    for (let i = 0; i < 10_000; i++) {
      histogram.observe(i % 1000);
      histogram.observe(distribution.quantile(0.5)!);
    }
    expect(distribution.count).toBe(20_000);
  });

  it("tells exact quantiles while every distinct value has a bin", () => {
    const values = fc.array(fc.integer({ min: 0, max: 49 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.001, max: 1, noNaN: true }), (list, q) => {
        const sorted = list.toSorted((one, other) => one - other);
        const distribution = observed(list);
        let rank = 0;
        // The first value that at least the part q of all is not above.
        while (q * list.length - (rank + 1) > 0) rank++;
        expect(distribution.quantile(q)).toBe(sorted[rank]);
      }),
    );
  });

  it("keeps count, sum, ends and order, however few the bins", () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 20 }), (list, bins) => {
        const distribution = observed(list, bins);
        const slack = 1e-6;
        expect(distribution.count).toBe(list.length);
        expect(distribution.sum).toBe(list.reduce((total, value) => total + value, 0));
        expect([distribution.min, distribution.max]).toEqual([Math.min(...list), Math.max(...list)]);
        let last = distribution.min! - slack;
        for (const q of [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]) {
          const value = distribution.quantile(q)!;
          expect(value).toBeGreaterThanOrEqual(last - slack);
          expect(value).toBeLessThanOrEqual(distribution.max! + slack);
          last = value;
        }
      }),
    );
  });

  it("stands the largest values there are", () => {
    const distribution = observed([Number.MAX_VALUE, -Number.MAX_VALUE, 0, Number.MIN_VALUE], 2);
    for (const q of [0, 0.5, 1]) expect(Number.isFinite(distribution.quantile(q))).toBe(true);
  });

  it.each([-0.1, 1.1, Number.NaN])("refuses the quantile %d", (q) => {
    expect(() => observed([1]).quantile(q)).toThrow(new TypeError(`quantile: q must be between 0 and 1, got ${q}`));
  });
});
