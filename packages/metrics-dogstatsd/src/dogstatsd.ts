import { type Counter, discardMetrics, type Labels, type Metrics, metricsFrom } from "@kit/metrics";
import { flushEvery, heldSeries, requireName } from "@kit/metrics/push";
import type { StatsD, StatsCb } from "hot-shots";

/** How DogStatsD counts a histogram: on each host (`|h`), over all of them (`|d`), or on each host and called a time (`|ms`). */
export type HistogramType = "histogram" | "distribution" | "timing";

export interface DogstatsdMetricsOptions {
  /**
   * A client of hot-shots, with its address, its buffer, its prefix and its error handler. It is yours and stays open. Give it a
   * `maxBufferSize`, or every line is a datagram of its own.
   */
  readonly client: StatsD;
  /** Put before every name as it is, behind the client's own, so end it in a dot. @default "" */
  readonly prefix?: string;
  /** On every series; where an instrument has a label of that name, its value if it is given one. @default the client's `globalTags` alone */
  readonly tags?: Labels;
  /** How often values are sent, in ms. @default 1000, well below the agent's own ten seconds, so that each of its windows has its share */
  readonly flushIntervalMs?: number;
  /** What histograms are: all of them, or each by the name it is asked for, the others being `"histogram"`. @default "histogram" */
  readonly histogramType?: HistogramType | Readonly<Record<string, HistogramType>>;
  /**
   * Which part of a histogram's values to send, from 0.000001 to 1, by the name it is asked for. The agent is told the part, so that it
   * counts right. @default 1 for each
   */
  readonly sampleRates?: Readonly<Record<string, number>>;
  /**
   * How many packets the client may have handed to the kernel and not got rid of; lines beyond are dropped. hot-shots itself would let
   * them pile up behind a TCP connection or a unix socket whose reader is stopped. @default 1000
   */
  readonly maxInFlight?: number;
  /** How long `close` may take to get rid of what waits, in ms. @default 1000, for a process that ends is not to wait for its metrics */
  readonly closeTimeoutMs?: number;
}

const histogramTypes: readonly HistogramType[] = ["histogram", "distribution", "timing"];

/**
 * Metrics in whatever reads DogStatsD: counters as the sum since the last flush, gauges as where they stand at every flush, histograms as a
 * line for each value. Labels are tags.
 *
 * Lines that hot-shots says it could not send are counted in the backend, once it is back, as `metrics_dropped_total`.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that cannot be named.
 * @see go-kit metrics/dogstatsd/dogstatsd.go
 */
export function dogstatsdMetrics(options: DogstatsdMetricsOptions): Metrics {
  const { client, prefix = "", tags = {}, flushIntervalMs = 1000, histogramType = "histogram" } = options;
  const { sampleRates = {}, maxInFlight = 1000, closeTimeoutMs = 1000 } = options;
  if (typeof client?.distribution !== "function")
    throw new TypeError("dogstatsdMetrics: client must be a StatsD of hot-shots");
  requireName("dogstatsdMetrics", "tags", Object.keys(tags));
  for (const [name, rate] of Object.entries(sampleRates)) {
    if (!(rate >= 1e-6 && rate <= 1)) {
      throw new TypeError(`dogstatsdMetrics: sampleRates of "${name}" must be from 0.000001 to 1, got ${rate}`);
    }
  }
  const typeOf = new Map(typeof histogramType === "string" ? [] : Object.entries(histogramType));
  const otherType = typeof histogramType === "string" ? histogramType : "histogram";
  for (const type of [otherType, ...typeOf.values()]) {
    if (!histogramTypes.includes(type)) {
      throw new TypeError(`dogstatsdMetrics: histogramType must be one of ${histogramTypes.join(", ")}, got ${type}`);
    }
  }
  if (!(Number.isInteger(maxInFlight) && maxInFlight > 0)) {
    throw new TypeError(`dogstatsdMetrics: maxInFlight must be a positive integer, got ${maxInFlight}`);
  }
  if (!(Number.isInteger(closeTimeoutMs) && closeTimeoutMs >= 0 && closeTimeoutMs < 2 ** 31)) {
    throw new TypeError(
      `dogstatsdMetrics: closeTimeoutMs must be an integer from 0 to 2147483647, got ${closeTimeoutMs}`,
    );
  }
  const base: Labels = { ...tags };
  const rates = new Map(Object.entries(sampleRates));
  const held = heldSeries();
  let dropped: Counter = discardMetrics.counter("");
  let closed = false;

  const inside = client as ClientInside;
  const sent: StatsCb = (error) => {
    if (!error) return;
    dropped.add();
    // It is not told by hot-shots when there is a callback.
    inside.errorHandler?.(error);
  };
  /** Whether the client took it. */
  const send = (line: () => void): boolean => {
    if (closed || inside.messagesInFlight >= maxInFlight) return false;
    try {
      line();
      return true;
    } catch {
      return false;
    }
  };

  const flush = (): void => {
    held.flush();
    send(() => client.flush());
  };
  const stop = flushEvery("dogstatsdMetrics", flushIntervalMs, flush);

  const metrics = metricsFrom({
    counter(asked, { labels }) {
      const name = prefix + asked;
      requireName("dogstatsdMetrics", name, labels);
      return (given) => {
        const list = tagsOf({ ...base, ...given });
        return held.counter(keyOf(name, list), (sum) => send(() => client.increment(name, sum, 1, list, sent)));
      };
    },
    gauge(asked, { labels }) {
      const name = prefix + asked;
      requireName("dogstatsdMetrics", name, labels);
      return (given) => {
        const list = tagsOf({ ...base, ...given });
        return held.gauge(keyOf(name, list), (value) =>
          send(() => {
            // The agent takes what has a sign as it is; for others it is a difference, so what is below zero starts there.
            if (value < 0) client.gauge(name, 0, 1, list, sent);
            client.gauge(name, value, 1, list, sent);
          }),
        );
      };
    },
    histogram(asked, { labels }) {
      const name = prefix + asked;
      requireName("dogstatsdMetrics", name, labels);
      const type = typeOf.get(asked) ?? otherType;
      const rate = rates.get(asked) ?? 1;
      return (given) => {
        const list = tagsOf({ ...base, ...given });
        return {
          observe(value) {
            if (!send(() => client[type](name, value, rate, list, sent))) dropped.add();
          },
        };
      };
    },
    async close() {
      stop();
      flush();
      closed = true;
      await flushed(client, closeTimeoutMs);
    },
  });
  dropped = metrics.counter("metrics_dropped_total", { help: "Lines that the backend did not get, as far as known." });
  return metrics;
}

/** What hot-shots keeps in a client, beside what its types say. */
interface ClientInside extends StatsD {
  /** Packets handed to the kernel that it has not got rid of. */
  readonly messagesInFlight: number;
  readonly errorHandler?: (error: Error) => void;
}

/** Resolves when the client has nothing left to send, or with the time: it waits for what is in flight, which may be stuck. */
function flushed(client: StatsD, closeTimeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, closeTimeoutMs);
    client.flush(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Nothing can be escaped here, so what would end a value or a line becomes "_". hot-shots does the same, but for control characters. */
function tagsOf(tags: Labels): string[] {
  return Object.entries(tags)
    .filter(([, value]) => value !== "")
    .map(([label, value]) => `${label}:${value.replace(/[|,#@\p{Cc}]/gu, "_")}`);
}

const keyOf = (name: string, list: readonly string[]): string => `${name}|${list.join()}`;
