import type { Context } from "@kit/endpoint";
import { type InstrumentOptions, type Labels, type Metrics, metricsFrom } from "@kit/metrics";
import {
  Counter,
  Gauge,
  Histogram,
  openMetricsContentType,
  type Registry,
  type RegistryContentType,
  Summary,
} from "prom-client";

export interface PrometheusMetricsOptions {
  /** Where the metrics go. It is yours: never prom-client's global one, unless that is what you hand in. */
  readonly registry: Registry<RegistryContentType>;
  /** Put before every name as it is, so end it in `_`; what go-kit calls namespace and subsystem. @default "" */
  readonly prefix?: string;
  /** On every series of this provider; where an instrument has a label of that name, its value if it is given one. @default none */
  readonly defaultLabels?: Labels;
  /** Of the histograms that are asked for without. @default prom-client's 11 from 0.005 to 10, which are made for seconds */
  readonly buckets?: readonly number[];
  /**
   * The histograms that are to be summaries, by the name they are asked for. Their quantiles are counted in this process and cannot
   * be added up over several; buckets can, so they are the rule. @default none
   */
  readonly summaries?: Readonly<Record<string, SummaryOptions>>;
  /**
   * Labels that lead from a value to the call it came from, asked for at each value of a counter or histogram, with the context that was
   * given with the value, as `measured` does: `(ctx) => ({ trace_id: traceId(ctx) })`. The registry must be in OpenMetrics. One that is
   * undefined is left out, and all are that Prometheus would refuse (a bad name, over 128 characters together), or if it throws. Costs an
   * object a value. @default none
   */
  readonly exemplar?: (ctx?: Context) => Readonly<Record<string, string | undefined>> | undefined;
}

/** How a summary counts. The age is as in Prometheus's Go client. */
export interface SummaryOptions {
  /** Each between 0 and 1. @default [0.5, 0.9, 0.99] */
  readonly quantiles?: readonly number[];
  /** How far back the quantiles look, in ms. @default 600_000 */
  readonly maxAgeMs?: number;
  /** In how many steps old values leave; each step keeps a copy of its own. @default 5 */
  readonly ageBuckets?: number;
}

type Kind = "counter" | "gauge" | "histogram" | "summary";

/** What a metric of prom-client says of itself but its types do not. */
interface Registered {
  readonly type: Kind;
  readonly labelNames: readonly string[];
  readonly enableExemplars: boolean;
}

/** How many providers use a metric that one of them registered: the last one to close takes it out. */
const users = new WeakMap<Registered, number>();

/**
 * Metrics in a registry of prom-client.
 *
 * The unit is put at the end of a name that lacks it, and `_total` at the end of a counter's, as Prometheus has it: a counter `sent`
 * in `bytes` is `sent_bytes_total`. A metric that the registry has already is shared with whoever made it, if type and labels are the
 * same. `close` takes out of the registry what no other provider uses.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that Prometheus cannot name, or whose name the registry
 * has with another type or other labels.
 * @see go-kit metrics/prometheus/prometheus.go
 */
export function prometheusMetrics(options: PrometheusMetricsOptions): Metrics {
  const { registry, prefix = "", defaultLabels, buckets, summaries = {}, exemplar } = options;
  if (typeof registry?.registerMetric !== "function") {
    throw new TypeError("prometheusMetrics: registry must be a Registry of prom-client");
  }
  if (exemplar !== undefined && registry.contentType !== openMetricsContentType) {
    throw new TypeError("prometheusMetrics: exemplar needs registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)");
  }
  if (buckets?.length === 0 || buckets?.some((bound, i) => !Number.isFinite(bound) || bound <= buckets[i - 1]!)) {
    throw new TypeError(
      `prometheusMetrics: buckets must be ascending finite numbers, got ${buckets.join(", ") || "none"}`,
    );
  }
  const summaryOf = new Map(Object.entries(summaries).map(([name, summary]) => [name, summaryConfig(name, summary)]));
  const defaults: Labels = { ...defaultLabels };
  const used = new Map<Registered, string>();

  function register<M>(
    kind: Kind,
    asked: string,
    { help, labels = [], unit }: InstrumentOptions,
    make: (config: MetricConfig) => M,
  ): M & Registered {
    const name = exposedName(kind, prefix + asked, unit);
    const labelNames = [...new Set([...labels, ...Object.keys(defaults)])];
    checkNames(kind, name, labelNames);
    let metric = registry.getSingleMetric(name) as (M & Registered) | undefined;
    if (metric === undefined) {
      const config = {
        name,
        help: help || name,
        labelNames,
        registers: [registry as Registry],
        enableExemplars: exemplar !== undefined && (kind === "counter" || kind === "histogram"),
      };
      metric = make(config) as M & Registered;
      users.set(metric, 0);
    } else if (metric.type !== kind || metric.labelNames.toSorted().join() !== labelNames.toSorted().join()) {
      const [there, wanted] = [metric.labelNames.join(", "), labelNames.join(", ")];
      throw new TypeError(
        `prometheusMetrics: "${name}" is in the registry as a ${metric.type} with [${there}], not a ${kind} with [${wanted}]`,
      );
    }
    if (users.has(metric) && !used.has(metric)) {
      users.set(metric, users.get(metric)! + 1);
      used.set(metric, name);
    }
    return metric;
  }
  const full = (labels: Labels): Labels => ({ ...defaults, ...labels });

  return metricsFrom({
    counter(asked, instrument) {
      const metric = register("counter", asked, instrument, (config) => new Counter(config));
      return (given) => {
        const labels = full(given);
        // Counters begin at 0 and not with their first value, or `rate` would miss it.
        if (metric.enableExemplars) {
          metric.inc({ labels, value: 0 });
          return { add: (value, ctx) => metric.inc({ labels, value, ...exemplarOf(exemplar, ctx) }) };
        }
        const child = metric.labels(labels);
        child.inc(0);
        return { add: (value) => child.inc(value) };
      };
    },
    gauge(asked, instrument) {
      const metric = register("gauge", asked, instrument, (config) => new Gauge(config));
      return (given) => {
        const child = metric.labels(full(given));
        return { set: (value) => child.set(value), add: (delta) => child.inc(delta) };
      };
    },
    histogram(asked, instrument) {
      const summary = summaryOf.get(asked);
      const bounds = instrument.buckets ?? buckets;
      const metric =
        summary === undefined
          ? register("histogram", asked, instrument, (config) => {
              // A copy, for prom-client freezes the array.
              return new Histogram({ ...config, ...(bounds && { buckets: [...bounds] }) });
            })
          : register("summary", asked, instrument, (config) => new Summary({ ...config, ...summary }));
      return (given) => {
        const labels = full(given);
        const child = metric.labels(labels);
        if (!metric.enableExemplars) return child;
        return {
          observe(value, ctx) {
            const found = exemplarOf(exemplar, ctx);
            if (found === undefined) child.observe(value);
            else (metric as Histogram).observe({ labels, value, ...found });
          },
        };
      };
    },
    async close() {
      for (const [metric, name] of used) {
        const left = users.get(metric)! - 1;
        users.set(metric, left);
        if (left === 0 && registry.getSingleMetric(name) === (metric as unknown)) registry.removeSingleMetric(name);
      }
    },
  });
}

interface MetricConfig {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
  readonly enableExemplars: boolean;
}

function exposedName(kind: Kind, name: string, unit: string | undefined): string {
  const base = kind === "counter" ? name.replace(/_total$/, "") : name;
  const measured = unit === undefined || base.endsWith(`_${unit}`) ? base : `${base}_${unit}`;
  return kind === "counter" ? `${measured}_total` : measured;
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
const reservedLabel: Partial<Record<Kind, string>> = { histogram: "le", summary: "quantile" };

function checkNames(kind: Kind, name: string, labels: readonly string[]): void {
  if (!metricName.test(name)) {
    throw new TypeError(
      `prometheusMetrics: "${name}" cannot be the name of a ${kind}: only letters, digits, "_" and ":", no digit first`,
    );
  }
  const wrong = labels.find((label) => !labelName.test(label) || label === reservedLabel[kind]);
  if (wrong !== undefined) {
    throw new TypeError(
      `prometheusMetrics: "${wrong}" cannot be a label of ${kind} "${name}": only letters, digits and "_", no digit and no "__" first, not "le" or "quantile"`,
    );
  }
}

function summaryConfig(
  name: string,
  options: SummaryOptions,
): { percentiles: number[]; maxAgeSeconds: number; ageBuckets: number } {
  const { quantiles = [0.5, 0.9, 0.99], maxAgeMs = 600_000, ageBuckets = 5 } = options;
  const wrong = (option: string, rule: string): TypeError =>
    new TypeError(`prometheusMetrics: ${option} of summary "${name}" must be ${rule}`);
  if (!quantiles.every((quantile) => quantile >= 0 && quantile <= 1)) throw wrong("quantiles", "between 0 and 1");
  if (!(Number.isFinite(maxAgeMs) && maxAgeMs > 0)) throw wrong("maxAgeMs", "a positive number");
  if (!(Number.isInteger(ageBuckets) && ageBuckets > 0)) throw wrong("ageBuckets", "a positive integer");
  return { percentiles: [...quantiles], maxAgeSeconds: maxAgeMs / 1000, ageBuckets };
}

/** prom-client would throw at labels that are too long and write down names that break the whole page. */
function exemplarOf(
  exemplar: PrometheusMetricsOptions["exemplar"],
  ctx: Context | undefined,
): { readonly exemplarLabels: Labels } | undefined {
  try {
    const exemplarLabels: Record<string, string> = {};
    let length = 0;
    for (const [name, value] of Object.entries(exemplar?.(ctx) ?? {})) {
      if (value === undefined) continue;
      if (!labelName.test(name)) return undefined;
      length += name.length + value.length;
      exemplarLabels[name] = value;
    }
    return length > 0 && length <= 128 ? { exemplarLabels } : undefined;
  } catch {
    return undefined;
  }
}
