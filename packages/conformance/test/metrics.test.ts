import { describe, expect, it } from "vitest";
import { metricsCases, type MetricsSubject, type MetricsUnderTest, testMetrics } from "../src/metrics.ts";

type Labels = Readonly<Record<string, string>>;
type Kind = "counter" | "gauge" | "histogram";

/** What an implementation can get wrong, each in one place. */
interface Faults {
  readonly defaultDelta?: number;
  readonly integersOnly?: boolean;
  readonly forgetsWhenRead?: Kind;
  readonly gaugeNeverNegative?: boolean;
  readonly losesOutliers?: boolean;
  readonly strictBounds?: boolean;
  readonly key?: (name: string, labels: Labels) => string;
  readonly mutatesOnWith?: boolean;
  readonly firstValueWins?: boolean;
  readonly keepsLabelsObject?: boolean;
  readonly keepsEmpty?: boolean;
  readonly separateByAsking?: boolean;
  readonly anyKind?: boolean;
  readonly anyLabel?: boolean;
  readonly unlimited?: boolean;
  readonly overflowUncounted?: boolean;
  readonly takesAnything?: boolean;
  readonly clean?: (value: string) => string;
  readonly throwsAfterClose?: boolean;
  readonly quantileOff?: number;
}

interface Series {
  value: number;
  readonly samples: number[];
}

const sorted = (labels: Labels): [string, string][] =>
  Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1));

/** The smallest provider that is right, and with a fault one that is not. */
function reference(faults: Faults = {}): MetricsSubject {
  const key = faults.key ?? ((name: string, labels: Labels) => JSON.stringify([name, sorted(labels)]));
  const clean = faults.clean ?? ((value: string) => value.slice(0, 256).replace(/\p{Surrogate}/gu, "\uFFFD"));
  const all = new Map<string, Series>();
  const made = new Map<string, string>();
  let closed = false;
  let asked = 0;

  const refuse = (instrument: string, reason: string, amount = 1): void => {
    open("metrics_refused_total", { instrument, reason }).value += amount;
  };
  const open = (name: string, labels: Labels): Series => {
    const series = all.get(key(name, labels)) ?? { value: 0, samples: [] };
    all.set(key(name, labels), series);
    return series;
  };

  function make(
    kind: Kind,
    name: string,
    { labels: declared = [], maxSeries = 100 }: { labels?: readonly string[]; maxSeries?: number },
  ) {
    const shape = JSON.stringify([kind, declared.toSorted()]);
    if (!faults.anyKind && (made.get(name) ?? shape) !== shape) throw new TypeError(`${name} is taken`);
    made.set(name, shape);
    const own = faults.separateByAsking ? `${name}#${asked++}` : name;
    const sets = new Set<string>();

    const bind = (labels: Labels): any => {
      const series = (): Series => {
        const set = key("", labels);
        if (!faults.unlimited && sets.size >= maxSeries && !sets.has(set)) {
          if (!faults.overflowUncounted) refuse(name, "series_limit");
          return open(own, Object.fromEntries(declared.map((label) => [label, "overflow"])));
        }
        sets.add(set);
        return open(own, labels);
      };
      const accept = (value: number, change: (series: Series) => void): void => {
        if (closed && faults.throwsAfterClose) throw new Error("closed");
        if (!faults.takesAnything && (!Number.isFinite(value) || (kind === "counter" && value < 0)))
          refuse(name, "invalid_value");
        else change(series());
      };
      return {
        with(given: Labels) {
          for (const label of Object.keys(given)) {
            if (!declared.includes(label) && !faults.anyLabel) throw new TypeError(`no label ${label}`);
          }
          const cleaned = Object.fromEntries(Object.entries(given).map(([label, value]) => [label, clean(value)]));
          const merged = faults.firstValueWins ? { ...cleaned, ...labels } : { ...labels, ...cleaned };
          if (faults.mutatesOnWith) Object.assign(labels, cleaned);
          if (faults.keepsLabelsObject) return bind(given);
          return bind(
            faults.keepsEmpty ? merged : Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== "")),
          );
        },
        add(delta = faults.defaultDelta ?? 1) {
          accept(delta, (held) => {
            held.value += faults.integersOnly ? Math.trunc(delta) : delta;
            if (faults.gaugeNeverNegative && held.value < 0) held.value = 0;
          });
        },
        set(value: number) {
          accept(value, (held) => (held.value = faults.gaugeNeverNegative ? Math.max(0, value) : value));
        },
        observe(value: number) {
          accept(value, (held) => {
            if (!faults.losesOutliers || value < 1e6) held.samples.push(value);
          });
        },
      };
    };
    return bind({});
  }

  const metrics: MetricsUnderTest = {
    counter: (name, options = {}) => make("counter", name, options),
    gauge: (name, options = {}) => make("gauge", name, options),
    histogram: (name, options = {}) => make("histogram", name, options),
    close: async () => {
      closed = true;
    },
  };
  return {
    metrics,
    async value(name, labels) {
      const series = all.get(key(name, labels));
      const value = series?.value;
      if (series !== undefined && made.get(name)?.includes(`"${faults.forgetsWhenRead}"`)) series.value = 0;
      return value;
    },
    async histogram(name, labels) {
      const samples = all.get(key(name, labels))?.samples.toSorted((one, other) => one - other);
      return (
        samples && {
          count: samples.length,
          quantile: (q) => samples[Math.ceil(q * samples.length) - 1]! * (1 + (faults.quantileOff ?? 0)),
          atMost: (bound) =>
            samples.filter((sample) => (faults.strictBounds ? sample < bound : sample <= bound)).length,
        }
      );
    },
  };
}

testMetrics({
  setup: async () => ({ subject: reference() }),
  supports: { labels: true, anyValue: true, separators: true, quantiles: true, buckets: true },
});

describe("the suite for metrics", () => {
  const broken: readonly [fault: string, faults: Faults, title: string][] = [
    ["forgets a counter once it was read", { forgetsWhenRead: "counter" }, "counts exactly what is added"],
    ["adds nothing by default", { defaultDelta: 0 }, "counts one when not told how much"],
    ["cuts off fractions", { integersOnly: true }, "counts fractions"],
    [
      "forgets a gauge once it was read, as go-kit's statsd does",
      { forgetsWhenRead: "gauge" },
      "shows where a gauge stands",
    ],
    ["keeps gauges from falling below zero", { gaugeNeverNegative: true }, "lets a gauge start by adding"],
    ["loses outliers", { losesOutliers: true }, "counts every observation"],
    ["is two percent off", { quantileOff: 0.02 }, "tells the quantiles"],
    ["leaves bounds out of their buckets", { strictBounds: true }, "counts a normal distribution by buckets"],
    ["drops labels", { key: (name) => name }, "keeps series of different labels apart"],
    [
      "has a series for each order, as go-kit's lv.Space does",
      { key: (name, labels) => JSON.stringify([name, Object.entries(labels)]) },
      "takes labels in any order",
    ],
    ["changes the parent in with", { mutatesOnWith: true }, "leaves an instrument as it is"],
    ["keeps the earlier of two values", { firstValueWins: true }, "leaves an instrument as it is"],
    ["keeps the caller's labels", { keepsLabelsObject: true }, "does not look at the caller's labels again"],
    ["tells an empty value from none", { keepsEmpty: true }, "takes an empty value for no value"],
    ["makes a series for everybody who asks", { separateByAsking: true }, "writes to one series under one name"],
    ["gives one name to two kinds", { anyKind: true }, "refuses a name that is another kind"],
    ["takes any label", { anyLabel: true }, "refuses a label that was not declared"],
    ["opens any number of series", { unlimited: true }, "puts label sets beyond maxSeries"],
    ["does not count what overflows", { overflowUncounted: true }, "puts label sets beyond maxSeries"],
    ["takes any value", { takesAnything: true }, "ignores values that are no number"],
    [
      "writes values down unescaped",
      { clean: (value) => value.replaceAll(/[\n"\\]/g, "_") },
      "gives back label values as they were",
    ],
    ["keeps broken and endless values", { clean: (value) => value }, "takes label values that no backend could hold"],
    [
      "joins labels by characters that may be in them",
      {
        key: (name, labels) =>
          name +
          sorted(labels)
            .map(([label, value]) => `${label}:${value},`)
            .join(""),
      },
      "keeps series apart whose values hold",
    ],
    ["throws after close", { throwsAfterClose: true }, "closes twice"],
  ];

  it.each(broken)("fails a provider that %s", async (_, faults, title) => {
    const found = metricsCases.find((candidate) => candidate.title.startsWith(title))!;
    await expect(found.run(reference(faults), 0.01)).rejects.toMatchObject({ name: "AssertionError" });
  });

  it("has a broken provider for every case", () => {
    const untested = metricsCases.filter(({ title }) => !broken.some(([, , start]) => title.startsWith(start)));
    expect(untested).toEqual([]);
  });
});
