import { codeOf } from "@kit/endpoint";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  type Backend,
  type Counter,
  type Histogram,
  type HistogramOptions,
  type InstrumentOptions,
  type Labels,
  memoryMetrics,
  type Metrics,
  metricsFrom,
} from "../src/index.ts";

/** Writes down what a backend is asked. */
function recorder(): {
  backend: Backend;
  opened: [name: string, labels: Labels][];
  options: HistogramOptions[];
  closed: number;
} {
  const seen = { opened: [] as [string, Labels][], options: [] as HistogramOptions[], closed: 0 };
  const series = { add() {}, set() {}, observe() {} };
  const instrument = (name: string, options: HistogramOptions) => {
    if (name !== "metrics_refused_total") seen.options.push(options);
    return (labels: Labels) => {
      seen.opened.push([name, labels]);
      return series;
    };
  };
  const close = async (): Promise<void> => void seen.closed++;
  return Object.assign(seen, { backend: { counter: instrument, gauge: instrument, histogram: instrument, close } });
}

describe("metricsFrom", () => {
  it("asks the backend for an instrument once a name, with copies of its options", () => {
    const seen = recorder();
    const metrics = metricsFrom(seen.backend);
    const options = { help: "How long.", labels: ["b", "a"], unit: "seconds", buckets: [1, 2], maxSeries: 5 };
    const first = metrics.histogram("duration", options);
    expect(seen.options).toEqual([options]);
    expect(seen.options[0]!.buckets).not.toBe(options.buckets);
    expect(seen.options[0]!.labels).not.toBe(options.labels);
    expect(metrics.histogram("duration", { ...options, labels: ["a", "b"], help: "Another sentence." })).toBe(first);
    expect(seen.options).toHaveLength(1);
  });

  it("opens a series once, when its last label is given", () => {
    const seen = recorder();
    const counter = metricsFrom(seen.backend).counter("c", { labels: ["a", "b"] });
    const partial = counter.with({ b: "2" });
    expect(seen.opened).toEqual([]);
    partial.with({ a: "1" });
    expect(seen.opened).toEqual([["c", { a: "1", b: "2" }]]);
    counter.with({ a: "1", b: "2" }).add();
    expect(seen.opened).toHaveLength(1);
  });

  it("opens a series without its missing labels when a value comes first, and one without labels at once", () => {
    const seen = recorder();
    const metrics = metricsFrom(seen.backend);
    metrics
      .counter("c", { labels: ["a", "b"] })
      .with({ b: "2" })
      .add();
    metrics.gauge("g");
    expect(seen.opened).toEqual([
      ["c", { b: "2" }],
      ["g", {}],
    ]);
  });

  it("looks a kept child up no more", () => {
    const open = vi.fn<(labels: Labels) => { add(): void }>(() => ({ add() {} }));
    const { backend } = recorder();
    const child = metricsFrom({ ...backend, counter: () => open })
      .counter("c", { labels: ["a"] })
      .with({ a: "1" });
    for (let i = 0; i < 100; i++) child.add();
    expect(open).toHaveBeenCalledOnce();
  });

  it.each<[string, HistogramOptions, string]>([
    ["", {}, "histogram: name must be"],
    [undefined as unknown as string, {}, "histogram: name must be"],
    ["h", { labels: [""] }, 'histogram: labels of "h" must be strings'],
    ["h", { labels: [1 as unknown as string] }, 'histogram: labels of "h" must be strings'],
    ["h", { labels: ["a", "b", "a"] }, 'histogram: labels of "h" has one twice'],
    ["h", { maxSeries: 0 }, 'histogram: maxSeries of "h" must be a positive integer, got 0'],
    ["h", { maxSeries: Number.NaN }, 'histogram: maxSeries of "h" must be'],
    ["h", { maxSeries: 1.5 }, 'histogram: maxSeries of "h" must be'],
    ["h", { buckets: [] }, 'histogram: buckets of "h" must be ascending finite numbers, got none'],
    ["h", { buckets: [1, 1] }, 'histogram: buckets of "h" must be ascending'],
    ["h", { buckets: [2, 1] }, 'histogram: buckets of "h" must be ascending'],
    ["h", { buckets: [1, Infinity] }, 'histogram: buckets of "h" must be ascending'],
    ["h", { buckets: [Number.NaN] }, 'histogram: buckets of "h" must be ascending'],
  ])("refuses the name %j with %j", (name, options, message) => {
    const make = (): Histogram => metricsFrom(recorder().backend).histogram(name, options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("tells what differs when a name is asked for again", () => {
    const metrics = metricsFrom(recorder().backend);
    metrics.histogram("h", { unit: "seconds", buckets: [1, 2] });
    expect(() => metrics.counter("h")).toThrow(new TypeError('counter: "h" is a histogram already'));
    for (const options of [
      {},
      { unit: "bytes", buckets: [1, 2] },
      { unit: "seconds", buckets: [1, 3] },
      { labels: ["a"] },
    ]) {
      expect(() => metrics.histogram("h", options)).toThrow(
        'histogram: "h" has other labels, unit, buckets or maxSeries already',
      );
    }
  });

  it("lets an instrument be asked for again after the backend refused it", () => {
    let refuse = true;
    const { backend } = recorder();
    const counter = (name: string, options: HistogramOptions) => {
      if (refuse && name === "c") throw new TypeError("not now");
      return backend.counter(name, options);
    };
    const metrics = metricsFrom({ ...backend, counter });
    expect(() => metrics.counter("c", { labels: ["a"] })).toThrow("not now");
    refuse = false;
    expect(() => metrics.counter("c", { labels: ["b"] })).not.toThrow();
  });

  it("names the labels there are when one is not declared", () => {
    const metrics = metricsFrom(recorder().backend);
    const counter = metrics.counter("c", { labels: ["a", "b"] });
    expect(() => counter.with({ c: "1" })).toThrow(
      new TypeError('counter: "c" has no label "c", its labels are: a, b'),
    );
    expect(() => metrics.gauge("g").with({ a: "1" })).toThrow(
      new TypeError('gauge: "g" has no label "a", its labels are: none'),
    );
    expect(() => counter.with(JSON.parse('{"__proto__":"1"}'))).toThrow(TypeError);
  });

  it("takes values that are no strings for what they print as, and none for empty", () => {
    const seen = recorder();
    const counter: Counter = metricsFrom(seen.backend).counter("c", { labels: ["a"] });
    for (const a of [404, true, null, undefined, Symbol("s")]) counter.with({ a } as unknown as Labels).add();
    expect(seen.opened.map(([, labels]) => labels)).toEqual([{ a: "404" }, { a: "true" }, {}, { a: "Symbol(s)" }]);
  });

  it("finds labels by their own name only, whatever Object.prototype has", () => {
    const seen = recorder();
    const counter = metricsFrom(seen.backend).counter("c", { labels: ["constructor", "__proto__"] });
    counter.with({ constructor: "1" }).add();
    counter.with({ constructor: "__proto__", ["__proto__"]: "constructor" }).add();
    expect(seen.opened.map(([, labels]) => Object.entries(labels))).toEqual([
      [["constructor", "1"]],
      [
        ["constructor", "__proto__"],
        ["__proto__", "constructor"],
      ],
    ]);
  });

  it("bounds what strangers can make it hold", () => {
    const seen = recorder();
    const metrics = metricsFrom(seen.backend);
    const counter = metrics.counter("c", { labels: ["path", "agent"] });
    for (let i = 0; i < 5000; i++) {
      counter.with({ path: `/${i}/${"x".repeat(1000)}` }).add();
      counter.with({ path: `/${i}`, agent: "y".repeat(1000) }).add();
    }
    const own = seen.opened.filter(([name]) => name === "c").map(([, labels]) => labels);
    expect(own).toHaveLength(2001);
    expect(own.at(-1)).toEqual({ path: "overflow", agent: "overflow" });
    for (const labels of own) for (const value of Object.values(labels)) expect(value.length).toBeLessThanOrEqual(256);
  });

  it("leaves a child of the overflow series there, and finds those that have a place", () => {
    const metrics = memoryMetrics();
    const counter = metrics.counter("c", { labels: ["a"], maxSeries: 1 });
    const [first, second] = [counter.with({ a: "1" }), counter.with({ a: "2" })];
    first.add();
    for (let i = 0; i < 10; i++) second.add();
    counter.with({ a: "1" }).add();
    expect(metrics.value("c", { a: "1" })).toBe(2);
    expect(metrics.value("c", { a: "overflow" })).toBe(10);
    expect(metrics.value("metrics_refused_total", { instrument: "c", reason: "series_limit" })).toBe(1);
  });

  it("counts overflow under real labels that say overflow as well", () => {
    const metrics = memoryMetrics();
    const counter = metrics.counter("c", { labels: ["a"], maxSeries: 1 });
    counter.with({ a: "overflow" }).add();
    counter.with({ a: "other" }).add();
    expect(metrics.value("c", { a: "overflow" })).toBe(2);
  });

  it("opens series of an instrument without labels only once, whatever maxSeries is", () => {
    const metrics = memoryMetrics();
    const counter = metrics.counter("c", { maxSeries: 1 });
    counter.with({}).add();
    counter.add();
    expect(metrics.value("c")).toBe(2);
  });

  it("closes the backend once and refuses new instruments after that", async () => {
    const seen = recorder();
    const metrics = metricsFrom(seen.backend);
    await Promise.all([metrics.close(), metrics.close(), metrics[Symbol.asyncDispose]()]);
    expect(seen.closed).toBe(1);
    const late = vi.fn<() => void>(() => void metrics.counter("c"));
    expect(late).toThrow('counter: "c" was asked for after close');
    expect(codeOf(late.mock.results[0]!.value)).toBe("failed_precondition");
  });

  it("has one series for one set of labels, however it was come by", { timeout: 60_000 }, () => {
    const names = ["a", "b", "c"];
    const value = fc.oneof(
      fc.constantFrom("", "1", "a", "1:1", "a1", "overflow", "\uD83D"),
      fc.string({ unit: "binary" }),
    );
    const step = fc.dictionary(fc.constantFrom(...names), value, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 30 }), (paths) => {
        const metrics = memoryMetrics();
        const root = metrics.counter("c", { labels: names });
        const wanted = new Map<string, number>();
        for (const path of paths) {
          let child = root;
          for (const labels of path) child = child.with(labels);
          child.add();
          const merged: Record<string, string> = Object.assign({}, ...path);
          const key = JSON.stringify(names.map((name) => (merged[name] ?? "").replace(/\p{Surrogate}/gu, "\uFFFD")));
          wanted.set(key, (wanted.get(key) ?? 0) + 1);
        }
        const counted = metrics.series().filter((series) => series.name === "c");
        for (const series of counted) {
          const key = JSON.stringify(names.map((name) => series.labels[name] ?? ""));
          expect(series.kind === "counter" && series.value).toBe(wanted.get(key) ?? 0);
          wanted.delete(key);
        }
        expect(wanted.size).toBe(0);
      }),
    );
  });

  it("gives instruments of the family's types", () => {
    const metrics = metricsFrom(recorder().backend);
    expectTypeOf(metrics.counter("c").with({})).toEqualTypeOf<Counter>();
    expectTypeOf<Metrics["counter"]>().parameter(1).toEqualTypeOf<InstrumentOptions | undefined>();
    expectTypeOf(metrics).toExtend<AsyncDisposable>();
    // @ts-expect-error only histograms have buckets
    metrics.counter("other", { buckets: [1] });
    // @ts-expect-error the labels of a series are strings
    expect(() => metrics.counter("c").with({ a: 1 })).toThrow(TypeError);
  });
});
