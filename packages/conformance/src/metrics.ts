import { expect } from "vitest";
import { onSubject, runCases } from "./suite.ts";

type Labels = Readonly<Record<string, string>>;

interface Options {
  readonly labels?: readonly string[];
  readonly maxSeries?: number;
  readonly buckets?: readonly number[];
}

/** What the suite needs of a `Metrics` of `@kit/metrics`. */
export interface MetricsUnderTest {
  counter(name: string, options?: Options): CounterUnderTest;
  gauge(name: string, options?: Options): GaugeUnderTest;
  histogram(name: string, options?: Options): HistogramUnderTest;
  close(): Promise<void>;
}

export interface CounterUnderTest {
  with(labels: Labels): CounterUnderTest;
  add(delta?: number): void;
}

export interface GaugeUnderTest {
  with(labels: Labels): GaugeUnderTest;
  set(value: number): void;
  add(delta: number): void;
}

export interface HistogramUnderTest {
  with(labels: Labels): HistogramUnderTest;
  observe(value: number): void;
}

/** What the backend knows of one histogram series. */
export interface HistogramReading {
  readonly count: number;
  /** Where the backend tells quantiles. The suite asks for 0.5, 0.9, 0.95 and 0.99. */
  readonly quantile?: (q: number) => number | undefined;
  /** Where the backend counts by bucket: how many values were at most `bound`, one of those that the histogram was made with. */
  readonly atMost?: (bound: number) => number | undefined;
}

/** Metrics and the way to read back, from the backend's side, what came out of them. Reading may flush. */
export interface MetricsSubject {
  readonly metrics: MetricsUnderTest;
  /**
   * What the series of a counter or gauge stands at, by the name and labels that the suite used, since the beginning: for a backend that
   * is sent differences, their sum. `undefined` where there is no such series.
   */
  readonly value: (name: string, labels: Labels) => Promise<number | undefined>;
  /** Likewise for a histogram. */
  readonly histogram: (name: string, labels: Labels) => Promise<HistogramReading | undefined>;
}

/**
 * What a backend may lack:
 * - `labels`: series have labels;
 * - `anyValue`: a label's value comes out as it went in, with line breaks, quotes and whatever Unicode has;
 * - `separators`: values that hold the characters the backend itself puts between labels do not make two series one;
 * - `quantiles`: a histogram tells quantiles; `buckets`: it counts by the buckets it was made with.
 */
export type MetricsCapability = "labels" | "anyValue" | "separators" | "quantiles" | "buckets";

export interface MetricsSuiteOptions {
  /** Makes the subject of one case. Every case uses names of its own, so one server can do for all. */
  readonly setup: () => Promise<{ readonly subject: MetricsSubject; readonly teardown?: () => Promise<void> }>;
  /** `true`, or why not: the case is then skipped with that message. */
  readonly supports: Readonly<Record<MetricsCapability, true | string>>;
  /** How far a quantile may be off, as a part of it. @default 0.01, as in go-kit */
  readonly tolerance?: number;
}

export interface MetricsCase {
  readonly title: string;
  readonly capability?: MetricsCapability;
  readonly run: (subject: MetricsSubject, tolerance: number) => Promise<void>;
}

/**
 * What every provider of metrics must do: go-kit's teststat and what it leaves open.
 *
 * @see go-kit metrics/teststat
 */
export function testMetrics(options: MetricsSuiteOptions): void {
  const { setup, supports, tolerance = 0.01 } = options;
  runCases("a provider of metrics", metricsCases, supports, async ({ run }) =>
    onSubject(await setup(), async (subject) => {
      try {
        await run(subject, tolerance);
      } finally {
        await subject.metrics.close();
      }
    }),
  );
}

// go-kit's figures.
const count = 12_345;
const mean = 500;
const deviation = 25;

/** The numbers from 0 to 99 in some order: all of them, where go-kit takes some and now and then none. */
const shuffled: readonly number[] = Array.from({ length: 100 }, (_, n) => (n * 37 + 11) % 100);

/** Normally distributed, clipped at 0, and the same in every run, so that a failure is one again. */
const samples: readonly number[] = (() => {
  let state = 1;
  // Park and Miller's generator, never 0; Box and Muller's transform.
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, mean + deviation * normal);
  });
})();

const sum = shuffled.reduce((total, value) => total + value, 0);

/** The suite's cases, as `testMetrics` runs them. */
export const metricsCases: readonly MetricsCase[] = [
  {
    title: "counts exactly what is added, and goes on after it was read",
    async run({ metrics, value }) {
      const counter = metrics.counter("fill");
      for (const delta of shuffled) counter.add(delta);
      expect(await value("fill", {})).toBe(sum);
      for (const delta of shuffled) counter.add(delta);
      expect(await value("fill", {})).toBe(2 * sum);
    },
  },
  {
    title: "counts one when not told how much",
    async run({ metrics, value }) {
      const counter = metrics.counter("ones");
      counter.add();
      counter.add();
      expect(await value("ones", {})).toBe(2);
    },
  },
  {
    title: "counts fractions",
    async run({ metrics, value }) {
      const counter = metrics.counter("fractions");
      for (let i = 0; i < 4; i++) counter.add(0.25);
      counter.add(0.5);
      expect(await value("fractions", {})).toBe(1.5);
    },
  },
  {
    title: "shows where a gauge stands after values were set and added",
    async run({ metrics, value }) {
      const gauge = metrics.gauge("level");
      for (const level of shuffled) gauge.set(level);
      expect(await value("level", {})).toBe(shuffled.at(-1));
      for (const delta of shuffled) gauge.add(delta);
      expect(await value("level", {})).toBe(shuffled.at(-1)! + sum);
    },
  },
  {
    title: "lets a gauge start by adding, fall below zero and come back",
    async run({ metrics, value }) {
      const gauge = metrics.gauge("balance");
      gauge.add(5);
      expect(await value("balance", {})).toBe(5);
      gauge.add(-12.5);
      expect(await value("balance", {})).toBe(-7.5);
      gauge.set(-3);
      expect(await value("balance", {})).toBe(-3);
      gauge.add(3);
      expect(await value("balance", {})).toBe(0);
    },
  },
  {
    title: "counts every observation",
    async run({ metrics, histogram }) {
      const observed = metrics.histogram("every", { buckets: [10, 20] });
      for (const sample of [5, 10, 15, 1e9, 0]) observed.observe(sample);
      expect((await histogram("every", {}))?.count).toBe(5);
    },
  },
  {
    title: "tells the quantiles of a normal distribution",
    capability: "quantiles",
    async run({ metrics, histogram }, tolerance) {
      const observed = metrics.histogram("normal_quantiles");
      for (const sample of samples) observed.observe(sample);
      const reading = await histogram("normal_quantiles", {});
      const sorted = samples.toSorted((one, other) => one - other);
      for (const q of [0.5, 0.9, 0.95, 0.99]) {
        const want = sorted[Math.ceil(q * count) - 1]!;
        const have = reading?.quantile?.(q) ?? Number.NaN;
        expect(Math.abs(have - want) / want, `quantile ${q}: ${have} instead of ${want}`).toBeLessThanOrEqual(
          tolerance,
        );
      }
    },
  },
  {
    title: "counts a normal distribution by buckets, bounds included",
    capability: "buckets",
    async run({ metrics, histogram }) {
      const bounds = Array.from({ length: 11 }, (_, i) => mean - 3 * deviation + i * 15);
      const observed = metrics.histogram("normal_buckets", { buckets: bounds });
      for (const sample of samples) observed.observe(sample);
      for (const bound of bounds) observed.observe(bound);
      const reading = await histogram("normal_buckets", {});
      const want = bounds.map((bound, i) => samples.filter((sample) => sample <= bound).length + i + 1);
      expect(bounds.map((bound) => reading?.atMost?.(bound))).toEqual(want);
      expect(reading?.count).toBe(count + bounds.length);
    },
  },
  {
    title: "keeps series of different labels apart",
    capability: "labels",
    async run({ metrics, value, histogram }) {
      const counter = metrics.counter("apart", { labels: ["a", "b"] });
      const gauge = metrics.gauge("apart_level", { labels: ["a"] });
      const observed = metrics.histogram("apart_sizes", { labels: ["a"] });
      counter.with({ a: "1", b: "2" }).add(4);
      counter.with({ a: "1", b: "3" }).add(32);
      counter.with({ a: "1", b: "2" }).add(8);
      counter.with({ a: "2", b: "1" }).add(64);
      gauge.with({ a: "1" }).set(7);
      gauge.with({ a: "2" }).set(9);
      observed.with({ a: "1" }).observe(1);
      observed.with({ a: "2" }).observe(1);
      observed.with({ a: "2" }).observe(1);
      expect(await value("apart", { a: "1", b: "2" })).toBe(12);
      expect(await value("apart", { a: "1", b: "3" })).toBe(32);
      expect(await value("apart", { a: "2", b: "1" })).toBe(64);
      expect(await value("apart_level", { a: "1" })).toBe(7);
      expect(await value("apart_level", { a: "2" })).toBe(9);
      expect((await histogram("apart_sizes", { a: "1" }))?.count).toBe(1);
      expect((await histogram("apart_sizes", { a: "2" }))?.count).toBe(2);
    },
  },
  {
    title: "takes labels in any order, at once or one after the other, for one series",
    capability: "labels",
    async run({ metrics, value }) {
      const counter = metrics.counter("any_order", { labels: ["a", "b"] });
      counter.with({ a: "1", b: "2" }).add(1);
      counter.with({ b: "2", a: "1" }).add(2);
      counter.with({ a: "1" }).with({ b: "2" }).add(4);
      counter.with({ b: "2" }).with({ a: "1" }).add(8);
      expect(await value("any_order", { a: "1", b: "2" })).toBe(15);
    },
  },
  {
    title: "leaves an instrument as it is when another is made from it, and takes the later of two values",
    capability: "labels",
    async run({ metrics, value }) {
      const gauge = metrics.gauge("immutable", { labels: ["a", "b"] });
      const parent = gauge.with({ a: "1" });
      const [first, second] = [parent.with({ b: "1" }), parent.with({ b: "2" })];
      const third = first.with({ a: "3" });
      first.set(1);
      second.set(2);
      third.set(3);
      first.add(10);
      expect(await value("immutable", { a: "1", b: "1" })).toBe(11);
      expect(await value("immutable", { a: "1", b: "2" })).toBe(2);
      expect(await value("immutable", { a: "3", b: "1" })).toBe(3);
    },
  },
  {
    title: "does not look at the caller's labels again",
    capability: "labels",
    async run({ metrics, value }) {
      const labels = { a: "before" };
      const counter = metrics.counter("own_labels", { labels: ["a"] }).with(labels);
      labels.a = "after";
      counter.add(1);
      expect(await value("own_labels", { a: "before" })).toBe(1);
    },
  },
  {
    title: "takes an empty value for no value",
    capability: "labels",
    async run({ metrics, value }) {
      const counter = metrics.counter("empty_value", { labels: ["a", "b"] });
      counter.with({ a: "1", b: "" }).add(1);
      counter.with({ a: "1" }).add(2);
      counter.with({ a: "1", b: "2" }).with({ b: "" }).add(4);
      expect(await value("empty_value", { a: "1" })).toBe(7);
    },
  },
  {
    title: "writes to one series under one name, whoever asks",
    async run({ metrics, value }) {
      metrics.counter("shared").add(1);
      metrics.counter("shared").add(2);
      expect(await value("shared", {})).toBe(3);
    },
  },
  {
    title: "refuses a name that is another kind of instrument, or has other labels, with a TypeError",
    async run({ metrics }) {
      metrics.counter("taken", { labels: ["a", "b"] });
      expect(() => metrics.counter("taken", { labels: ["b", "a"] })).not.toThrow();
      expect(() => metrics.gauge("taken", { labels: ["a", "b"] })).toThrow(TypeError);
      expect(() => metrics.histogram("taken", { labels: ["a", "b"] })).toThrow(TypeError);
      expect(() => metrics.counter("taken", { labels: ["a"] })).toThrow(TypeError);
    },
  },
  {
    title: "refuses a label that was not declared with a TypeError, and goes on",
    capability: "labels",
    async run({ metrics, value }) {
      const counter = metrics.counter("undeclared", { labels: ["a", "b"] });
      expect(() => counter.with({ a: "1", b: "2", c: "3" })).toThrow(TypeError);
      expect(() => metrics.gauge("undeclared_level").with({ a: "1" })).toThrow(TypeError);
      expect(() => metrics.histogram("undeclared_sizes", { labels: ["b"] }).with({ a: "1" })).toThrow(TypeError);
      counter.with({ a: "1", b: "2" }).add(1);
      expect(await value("undeclared", { a: "1", b: "2" })).toBe(1);
    },
  },
  {
    title: "puts label sets beyond maxSeries into one series, and counts them",
    capability: "labels",
    async run({ metrics, value }) {
      const counter = metrics.counter("crowded", { labels: ["user", "zone"], maxSeries: 3 });
      for (let user = 0; user < 10; user++) counter.with({ user: `u${user}`, zone: "eu" }).add(1);
      counter.with({ user: "u0", zone: "eu" }).add(1);
      expect(await value("crowded", { user: "u0", zone: "eu" })).toBe(2);
      expect(await value("crowded", { user: "u2", zone: "eu" })).toBe(1);
      expect(await value("crowded", { user: "u3", zone: "eu" })).toBeUndefined();
      expect(await value("crowded", { user: "overflow", zone: "overflow" })).toBe(7);
      expect(await value("metrics_refused_total", { instrument: "crowded", reason: "series_limit" })).toBe(7);
    },
  },
  {
    title: "ignores values that are no number or take from a counter, and counts them",
    capability: "labels",
    async run({ metrics, value, histogram }) {
      const counter = metrics.counter("bad");
      const gauge = metrics.gauge("bad_level");
      const observed = metrics.histogram("bad_sizes");
      const wrong = [
        Number.NaN,
        Infinity,
        -Infinity,
        "5" as unknown as number,
        null as unknown as number,
        {} as unknown as number,
      ];
      counter.add(3);
      gauge.set(4);
      observed.observe(5);
      for (const amount of wrong) {
        counter.add(amount);
        gauge.set(amount);
        gauge.add(amount);
        observed.observe(amount);
      }
      counter.add(-1);
      expect(await value("bad", {})).toBe(3);
      expect(await value("bad_level", {})).toBe(4);
      expect((await histogram("bad_sizes", {}))?.count).toBe(1);
      const refused = (instrument: string): Promise<number | undefined> =>
        value("metrics_refused_total", { instrument, reason: "invalid_value" });
      expect(await refused("bad")).toBe(wrong.length + 1);
      expect(await refused("bad_level")).toBe(2 * wrong.length);
      expect(await refused("bad_sizes")).toBe(wrong.length);
    },
  },
  {
    title: "gives back label values as they were, whatever is in them",
    capability: "anyValue",
    async run({ metrics, value }) {
      const counter = metrics.counter("hostile", { labels: ["a"] });
      const values = [
        "line\nbreak",
        "\r\n",
        'quo"te',
        "back\\slash",
        "\\n",
        '"} 1\nforged{a="',
        "tab\t",
        "ünïcödé",
        "日本",
        "👩‍🚀",
        "\u202Eabc",
        " ",
      ];
      for (const [i, a] of values.entries()) counter.with({ a }).add(i + 1);
      const read = [];
      for (const a of values) read.push({ a, value: await value("hostile", { a }) });
      expect(read).toEqual(values.map((a, i) => ({ a, value: i + 1 })));
      expect(await value("forged", {})).toBeUndefined();
    },
  },
  {
    title: "takes label values that no backend could hold: half characters, very long ones",
    capability: "anyValue",
    async run({ metrics, value }) {
      const counter = metrics.counter("broken", { labels: ["a"] });
      counter.with({ a: "half \uD83D" }).add(1);
      counter.with({ a: "half \uDE80" }).add(2);
      counter.with({ a: "x".repeat(100_000) }).add(4);
      expect(await value("broken", { a: "half \uFFFD" })).toBe(3);
      expect(await value("broken", { a: "x".repeat(256) })).toBe(4);
    },
  },
  {
    title: "keeps series apart whose values hold the characters between labels",
    capability: "separators",
    async run({ metrics, value }) {
      const separators = [",", "|", ":", ";", "=", "#", " ", "\0", "\n", ",b:", ",b=", ";b=", '",b="', "|b:"];
      const counter = metrics.counter("separated", { labels: ["a", "b"] });
      const pairs = separators.flatMap((separator, i) => [
        { a: `${i}${separator}x`, b: "y" },
        { a: `${i}`, b: `x${separator}y` },
      ]);
      for (const [i, labels] of pairs.entries()) counter.with(labels).add(i + 1);
      const read = [];
      for (const labels of pairs) read.push({ labels, value: await value("separated", labels) });
      expect(read).toEqual(pairs.map((labels, i) => ({ labels, value: i + 1 })));
    },
  },
  {
    title: "closes twice, and takes values after that without harm",
    async run({ metrics }) {
      const [counter, gauge, observed] = [
        metrics.counter("late"),
        metrics.gauge("late_level"),
        metrics.histogram("late_sizes"),
      ];
      counter.add(1);
      await metrics.close();
      await expect(metrics.close()).resolves.toBeUndefined();
      expect(() => {
        counter.add(1);
        gauge.set(1);
        gauge.add(1);
        observed.observe(1);
      }).not.toThrow();
    },
  },
];
