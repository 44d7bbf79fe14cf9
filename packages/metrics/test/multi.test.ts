import { background } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import {
  discardMetrics,
  type Labels,
  memoryMetrics,
  type Metrics,
  multiCounter,
  multiGauge,
  multiHistogram,
  multiMetrics,
} from "../src/index.ts";

/** Writes down every call, those of its children too. */
function mock() {
  const calls: unknown[] = [];
  const instrument = {
    with(labels: Labels) {
      calls.push(labels);
      return instrument;
    },
    add: (delta?: number) => void calls.push(delta),
    set: (value: number) => void calls.push(`= ${value}`),
    observe: (value: number) => void calls.push(value),
  };
  return { calls, instrument };
}
const three = () => [mock(), mock(), mock()] as const;

describe("several instruments as one", () => {
  // go-kit TestMultiCounter
  it("adds to every counter", () => {
    const mocks = three();
    const counter = multiCounter(...mocks.map(({ instrument }) => instrument));
    counter.add(123);
    counter.with({ a: "1" }).add(456);
    counter.add();
    for (const { calls } of mocks) expect(calls).toEqual([123, { a: "1" }, 456, undefined]);
  });

  // go-kit TestMultiGauge
  it("sets every gauge", () => {
    const mocks = three();
    const gauge = multiGauge(...mocks.map(({ instrument }) => instrument));
    for (const value of [9, 8, 7]) gauge.set(value);
    gauge.with({ a: "1" }).add(3);
    for (const { calls } of mocks) expect(calls).toEqual(["= 9", "= 8", "= 7", { a: "1" }, 3]);
  });

  // go-kit TestMultiHistogram
  it("observes in every histogram", () => {
    const mocks = three();
    const histogram = multiHistogram(...mocks.map(({ instrument }) => instrument));
    for (const value of [1, 2, 4]) histogram.observe(value);
    histogram.with({ a: "1" }).observe(8);
    for (const { calls } of mocks) expect(calls).toEqual([1, 2, 4, { a: "1" }, 8]);
  });
});

it("hands on the context that comes with a value", () => {
  const seen: unknown[] = [];
  const spy = {
    with: () => spy,
    add: (...given: unknown[]) => seen.push(given),
    observe: (...given: unknown[]) => seen.push(given),
  };
  multiCounter(spy, spy).add(1, background);
  multiHistogram(spy).observe(2, background);
  expect(seen).toEqual([
    [1, background],
    [1, background],
    [2, background],
  ]);
});

describe("multiMetrics", () => {
  it("writes to all of its providers", () => {
    const [one, other] = [memoryMetrics(), memoryMetrics()];
    const metrics = multiMetrics(one, other, discardMetrics);
    metrics
      .counter("c", { labels: ["a"] })
      .with({ a: "1" })
      .add(2);
    metrics.gauge("g").set(3);
    metrics.gauge("g").add(1);
    metrics.histogram("h", { buckets: [1] }).observe(5);
    for (const memory of [one, other]) {
      expect(memory.value("c", { a: "1" })).toBe(2);
      expect(memory.value("g")).toBe(4);
      expect(memory.distribution("h")).toMatchObject({ count: 1, sum: 5 });
    }
  });

  it("closes all of its providers, and tells the first failure when all have been tried", async () => {
    const failing: Metrics = { ...discardMetrics, close: () => Promise.reject(new Error("no route")) };
    const close = vi.fn<Metrics["close"]>(async () => {});
    const good: Metrics = { ...discardMetrics, close };
    await expect(multiMetrics(failing, good).close()).rejects.toThrow("no route");
    expect(close).toHaveBeenCalledOnce();
    await multiMetrics(good)[Symbol.asyncDispose]();
    expect(close).toHaveBeenCalledTimes(2);
  });
});

describe("discardMetrics", () => {
  it("takes everything and does nothing, before and after close", async () => {
    for (let i = 0; i < 2; i++) {
      discardMetrics.counter("c").with({ a: "1" }).add(Number.NaN);
      discardMetrics.gauge("c").with({}).set(1);
      discardMetrics.gauge("c").add(1);
      discardMetrics.histogram("c").with({}).observe(1);
      await expect(discardMetrics.close()).resolves.toBeUndefined();
    }
    await discardMetrics[Symbol.asyncDispose]();
  });

  it("makes nothing that has to be kept", () => {
    expect(discardMetrics.counter("a").with({ b: "c" })).toBe(discardMetrics.counter("d"));
  });
});
