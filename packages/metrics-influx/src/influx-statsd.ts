import { type Counter, discardMetrics, type Labels, type Metrics, metricsFrom } from "@kit/metrics";
import { flushEvery, heldSeries, lineSender, type LineSenderOptions, requireName } from "@kit/metrics/push";

export interface InfluxStatsdMetricsOptions extends Omit<LineSenderOptions, "port"> {
  /** @default 8125, Telegraf's own for statsd */
  readonly port?: number;
  /** Put before every name as it is, so end it in a dot. @default "" */
  readonly prefix?: string;
  /** On every series; where an instrument has a label of that name, its value if it is given one. @default none */
  readonly tags?: Labels;
  /** How often values are sent, in ms. @default 1000, well below Telegraf's ten seconds, so that each of its windows has its share */
  readonly flushIntervalMs?: number;
  /**
   * Which part of a histogram's values to send, from 0.000001 to 1, by the name it is asked for. The others are dropped here, and the
   * daemon is told the part, so that it counts right; go-kit's tells it and sends them all. @default 1 for each
   */
  readonly sampleRates?: Readonly<Record<string, number>>;
  /** Chooses the values that are sent: a number from 0 to below 1. @default Math.random */
  readonly random?: () => number;
}

/**
 * Metrics in a daemon that reads InfluxDB's flavour of statsd, such as Telegraf: what `@kit/metrics-statsd` sends, but with the labels as tags
 * behind the name, `requests,code=ok:1|c`, and histograms as `|h`.
 *
 * Lines that the backend did not get are counted in it, once it is back, as `metrics_dropped_total`.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that cannot be named.
 * @see go-kit metrics/influxstatsd/influxstatsd.go
 */
export function influxStatsdMetrics(options: InfluxStatsdMetricsOptions = {}): Metrics {
  const { prefix = "", tags = {}, flushIntervalMs = 1000, sampleRates = {}, random = Math.random, ...target } = options;
  requireName("influxStatsdMetrics", "tags", Object.keys(tags));
  for (const [name, rate] of Object.entries(sampleRates)) {
    if (!(rate >= 1e-6 && rate <= 1)) {
      throw new TypeError(`influxStatsdMetrics: sampleRates of "${name}" must be from 0.000001 to 1, got ${rate}`);
    }
  }
  const base: Labels = { ...tags };
  const rates = new Map(Object.entries(sampleRates));
  const held = heldSeries();
  let dropped: Counter = discardMetrics.counter("");
  const sender = lineSender("influxStatsdMetrics", { port: 8125, ...target }, (lines) => dropped.add(lines));

  const flush = (): void => {
    held.flush();
    sender.flush();
  };
  const stop = flushEvery("influxStatsdMetrics", flushIntervalMs, flush);
  const seriesOf = (asked: string, given: Labels): string => seriesName(prefix + asked, { ...base, ...given });

  const metrics = metricsFrom({
    counter(asked, { labels }) {
      requireName("influxStatsdMetrics", prefix + asked, labels);
      return (given) => {
        const series = seriesOf(asked, given);
        return held.counter(series, (sum) => sender.send(`${series}:${sum}|c`));
      };
    },
    gauge(asked, { labels }) {
      requireName("influxStatsdMetrics", prefix + asked, labels);
      return (given) => {
        const series = seriesOf(asked, given);
        // With a sign it is a difference, so what is below zero starts there.
        return held.gauge(series, (value) =>
          sender.send(value < 0 ? `${series}:0|g\n${series}:${value}|g` : `${series}:${value}|g`),
        );
      };
    },
    histogram(asked, { labels }) {
      requireName("influxStatsdMetrics", prefix + asked, labels);
      const rate = rates.get(asked) ?? 1;
      const suffix = rate < 1 ? `|h|@${rate}` : "|h";
      return (given) => {
        const series = seriesOf(asked, given);
        return {
          observe(value) {
            if (rate < 1 && random() >= rate) return;
            if (!sender.send(`${series}:${value}${suffix}`)) dropped.add();
          },
        };
      };
    },
    async close() {
      stop();
      flush();
      await sender.close();
    },
  });
  dropped = metrics.counter("metrics_dropped_total", { help: "Lines that the backend did not get, as far as known." });
  return metrics;
}

/** Nothing can be escaped here, so what would end a value, a name or a line becomes "_"; statsd_exporter has tags in brackets as well. */
function seriesName(name: string, tags: Labels): string {
  let series = name;
  for (const [label, value] of Object.entries(tags)) {
    if (value !== "") series += `,${label}=${value.replace(/[,=:|@#[\]\\\s\p{Cc}]/gu, "_")}`;
  }
  return series;
}
