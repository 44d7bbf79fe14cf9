import { type Counter, discardMetrics, type Metrics, metricsFrom } from "@kit/metrics";
import { flushEvery, heldSeries, lineSender, type LineSenderOptions, pathOf, requireName } from "@kit/metrics/push";

export interface StatsdMetricsOptions extends Omit<LineSenderOptions, "port"> {
  /** @default 8125, the daemon's own */
  readonly port?: number;
  /** Put before every name as it is, so end it in a dot. @default "" */
  readonly prefix?: string;
  /** How often values are sent, in ms. @default 1000, well below the daemon's own ten seconds, so that each of its windows has its share */
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
 * Metrics in a statsd daemon: counters as the sum since the last flush, gauges as where they stand at every flush, histograms as a timer
 * line (`|ms`) for each value, in the histogram's own unit.
 *
 * Statsd has no labels, so they stand in the name: `requests.code.ok`. Lines that the backend did not get are counted in it, once it
 * is back, as `metrics_dropped_total`.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that statsd cannot name.
 * @see go-kit metrics/statsd/statsd.go
 */
export function statsdMetrics(options: StatsdMetricsOptions = {}): Metrics {
  const { prefix = "", flushIntervalMs = 1000, sampleRates = {}, random = Math.random, ...target } = options;
  for (const [name, rate] of Object.entries(sampleRates)) {
    if (!(rate >= 1e-6 && rate <= 1)) {
      throw new TypeError(`statsdMetrics: sampleRates of "${name}" must be from 0.000001 to 1, got ${rate}`);
    }
  }
  const rates = new Map(Object.entries(sampleRates));
  const held = heldSeries();
  let dropped: Counter = discardMetrics.counter("");
  const sender = lineSender("statsdMetrics", { port: 8125, ...target }, (lines) => dropped.add(lines));

  const flush = (): void => {
    held.flush();
    sender.flush();
  };
  const stop = flushEvery("statsdMetrics", flushIntervalMs, flush);

  const metrics = metricsFrom({
    counter(asked, { labels }) {
      requireName("statsdMetrics", prefix + asked, labels);
      return (given) => {
        const path = pathOf(prefix + asked, given);
        return held.counter(path, (sum) => sender.send(`${path}:${sum}|c`));
      };
    },
    gauge(asked, { labels }) {
      requireName("statsdMetrics", prefix + asked, labels);
      return (given) => {
        const path = pathOf(prefix + asked, given);
        // With a sign it is a difference, so what is below zero starts there.
        return held.gauge(path, (value) =>
          sender.send(value < 0 ? `${path}:0|g\n${path}:${value}|g` : `${path}:${value}|g`),
        );
      };
    },
    histogram(asked, { labels }) {
      requireName("statsdMetrics", prefix + asked, labels);
      const rate = rates.get(asked) ?? 1;
      const suffix = rate < 1 ? `|ms|@${rate}` : "|ms";
      return (given) => {
        const path = pathOf(prefix + asked, given);
        return {
          observe(value) {
            if (rate < 1 && random() >= rate) return;
            // The daemon throws away timers below zero.
            if (value < 0 || !sender.send(`${path}:${value}${suffix}`)) dropped.add();
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
