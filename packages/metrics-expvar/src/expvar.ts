import { type Labels, type Metrics, metricsFrom } from "@kit/metrics";
import { StreamingDistribution } from "@kit/metrics/push";
import { cmdline, memstats } from "./process-vars.ts";

export interface ExpvarMetricsOptions {
  /** Put before every name as it is. @default "" */
  readonly prefix?: string;
  /** How many bins a histogram has: more make quantiles finer and `observe` dearer. @default 50, as go-kit's examples have it */
  readonly bins?: number;
  /**
   * What else stands on the page, asked for at each reading: anything that JSON can hold. What is `undefined` is left out.
   * @default { cmdline, memstats }, as in Go; leave `cmdline` out where its arguments hold secrets
   */
  readonly vars?: Readonly<Record<string, () => unknown>>;
}

/** Metrics on a page of their own. */
export interface ExpvarMetrics extends Metrics {
  /**
   * All variables as they stand, sorted, as Go's `expvar` writes them.
   *
   * @throws what a function of `vars` throws, and a `TypeError` for what JSON cannot hold.
   */
  page(): string;
}

/** A variable: it is read when the page is, or it is a map of others, as with Go. */
type Var = (() => unknown) | VarMap;
type VarMap = Map<string, Var>;

const quantiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };

/**
 * Metrics on a page of JSON, which `expvarHandler` serves: counters and gauges under their names, a histogram `h` as `h.count`, `h.sum`,
 * `h.p50`, `h.p90`, `h.p95` and `h.p99`.
 *
 * Each label makes its variable a map of what its values lead to, in the order the labels were declared; `""` where there is none. That
 * is how Prometheus's collector for Go reads labels. `close` does nothing: what was measured stays readable.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument whose names another variable has.
 * @see go-kit metrics/expvar/expvar.go, which ignores labels
 */
export function expvarMetrics(options: ExpvarMetricsOptions = {}): ExpvarMetrics {
  const { prefix = "", bins = 50, vars = { cmdline, memstats } } = options;
  if (!(Number.isInteger(bins) && bins > 0)) {
    throw new TypeError(`expvarMetrics: bins must be a positive integer, got ${bins}`);
  }
  const all: VarMap = new Map(Object.entries(vars));
  const wrong = Object.keys(vars).find((name) => typeof vars[name] !== "function");
  if (wrong !== undefined) throw new TypeError(`expvarMetrics: vars "${wrong}" must be a function`);

  /** Takes the names, and returns what puts the variables of one label set under them. */
  function publish(names: readonly string[], labels: readonly string[] = []) {
    const taken = names.find((name) => all.has(name));
    if (taken !== undefined) throw new TypeError(`expvarMetrics: "${taken}" is a variable already`);
    for (const name of names) all.set(name, new Map());
    return (name: string, given: Labels, read: () => unknown): void => {
      const values = new Map(Object.entries(given));
      let map = all;
      let key = name;
      for (const label of labels) {
        let below = map.get(key) as VarMap | undefined;
        if (below === undefined) map.set(key, (below = new Map()));
        map = below;
        key = values.get(label) ?? "";
      }
      map.set(key, read);
    };
  }

  function opener(asked: string, labels: readonly string[] | undefined) {
    const name = prefix + asked;
    const put = publish([name], labels);
    return (given: Labels) => {
      let value = 0;
      put(name, given, () => value);
      return {
        add: (delta: number) => void (value += delta),
        set: (to: number) => void (value = to),
      };
    };
  }

  const metrics = metricsFrom({
    counter: (asked, { labels }) => opener(asked, labels),
    gauge: (asked, { labels }) => opener(asked, labels),
    histogram(asked, { labels }) {
      const name = prefix + asked;
      const put = publish(
        ["count", "sum", ...Object.keys(quantiles)].map((part) => `${name}.${part}`),
        labels,
      );
      return (given) => {
        const observed = new StreamingDistribution(bins);
        put(`${name}.count`, given, () => observed.count);
        put(`${name}.sum`, given, () => observed.sum);
        for (const [part, q] of Object.entries(quantiles)) put(`${name}.${part}`, given, () => observed.quantile(q));
        return { observe: (value) => observed.observe(value) };
      };
    },
    close: async () => {},
  });
  return { ...metrics, page: () => `{\n${entriesOf(all).join(",\n")}\n}\n` };
}

/** `"key": value`, sorted as Go's are. */
function entriesOf(map: VarMap): string[] {
  return Array.from(map)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([key, variable]) => {
      const value = variable instanceof Map ? `{${entriesOf(variable).join(", ")}}` : JSON.stringify(variable());
      return value === undefined ? [] : `${JSON.stringify(key)}: ${value}`;
    });
}
