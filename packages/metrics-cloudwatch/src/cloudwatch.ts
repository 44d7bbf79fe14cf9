import {
  type CloudWatchClient,
  type MetricDatum,
  PutMetricDataCommand,
  StandardUnit,
} from "@aws-sdk/client-cloudwatch";
import {
  type Counter,
  discardMetrics,
  type InstrumentOptions,
  type Labels,
  type Metrics,
  metricsFrom,
  type OpenSeries,
} from "@kit/metrics";
import { flushEvery } from "@kit/metrics/push";
import { type CloudwatchSeries, CounterSum, GaugeLevel, Observations } from "./series.ts";

export interface CloudwatchMetricsOptions {
  /** Sends the requests, with its own region, credentials and retries. It is yours to destroy. */
  readonly client: CloudWatchClient;
  /** Where the metrics go: letters, digits, spaces and `.-_/#:`, not starting with `:` or `AWS/`. */
  readonly namespace: string;
  /** On every series of this provider, such as the instance; an instrument's own value wins. @default none */
  readonly defaultLabels?: Labels;
  /** How often values are sent, in ms. @default 60_000, the resolution in which CloudWatch keeps them */
  readonly flushIntervalMs?: number;
  /** How long one request may take with all its retries, in ms. @default 10_000, for the client itself would wait for ever */
  readonly requestTimeoutMs?: number;
  /** How long `close` may take to send what is left, in ms. @default 3000, for a first request has to find credentials as well */
  readonly closeTimeoutMs?: number;
  /** Told why values cannot be sent: once when that begins, and at `close` if some are left. Must not throw. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/** Metrics that can be sent before their time is come. */
export interface CloudwatchMetrics extends Metrics {
  /**
   * Sends now all that was measured so far, as far as CloudWatch takes it. Never rejects. For where the process may be frozen before the
   * next flush, such as AWS Lambda.
   *
   * @see go-kit metrics/cloudwatch/cloudwatch.go, where it is `Send`
   */
  flush(): Promise<void>;
}

/** Under what CloudWatch takes in one request, 1000 datums and 1 MB, by so much that the last datum cannot pass it. */
const most = { datums: 1000, bytes: 900_000 };

/** The answers that say something of the values sent, which would get it again. */
const refusals = /^(InvalidParameter|MissingRequiredParameter|Validation|Serialization)/;

const droppedName = "metrics_dropped_total";

interface Opened {
  readonly series: CloudwatchSeries;
  readonly datum: MetricDatum;
  /** What the datum takes in a request without its numbers, at most. */
  readonly bytes: number;
}

interface Part {
  readonly datum: MetricDatum;
  readonly giveBack: () => void;
}

/**
 * Metrics in Amazon CloudWatch: counters as the sum since the last flush, gauges as where they stand at every flush, histograms as their
 * values with counts, of which CloudWatch makes every statistic, percentiles too. Labels are dimensions.
 *
 * What could not be sent stays in the series, is added to, and sent with the next flush: an outage costs no memory and no count. What
 * CloudWatch refused is lost, and counted in it as `metrics_dropped_total`.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that CloudWatch cannot name.
 * @see go-kit metrics/cloudwatch/cloudwatch.go, metrics/cloudwatch2/cloudwatch2.go
 */
export function cloudwatchMetrics(options: CloudwatchMetricsOptions): CloudwatchMetrics {
  const { client, namespace, defaultLabels, flushIntervalMs = 60_000 } = options;
  const { requestTimeoutMs = 10_000, closeTimeoutMs = 3000, onError } = options;
  if (typeof client?.send !== "function") throw new TypeError("cloudwatchMetrics: client must be a CloudWatchClient");
  if (typeof namespace !== "string" || !/^(?!:|AWS\/| *$)[\w.\-/#: ]{1,255}$/.test(namespace)) {
    throw new TypeError(
      `cloudwatchMetrics: namespace must be 1 to 255 letters, digits, spaces and ".-_/#:", not starting with ":" or "AWS/", got ${namespace}`,
    );
  }
  requireMs("requestTimeoutMs", requestTimeoutMs, 1);
  requireMs("closeTimeoutMs", closeTimeoutMs, 0);
  const defaults: Labels = { ...defaultLabels };

  const all = new Map<string, Opened>();
  let dropped: Counter = discardMetrics.counter("");
  let failing = false;
  let closed = false;
  let busy: Promise<boolean> | undefined;
  let giveUp = (): void => {};
  let givenUp = false;

  function opener<S extends CloudwatchSeries>(
    name: string,
    { labels = [], unit }: InstrumentOptions,
    make: () => S,
  ): OpenSeries<S> {
    requireNames(name, [...new Set([...labels, ...Object.keys(defaults)])]);
    const Unit = Object.values(StandardUnit).find((known) => known.toLowerCase() === unit);
    return (given) => {
      const Dimensions = dimensionsOf({ ...defaults, ...given });
      // Values that differ only in what CloudWatch cannot hold are one series.
      const key = JSON.stringify([name, Dimensions]);
      let opened = all.get(key);
      if (opened === undefined) {
        const datum = { MetricName: name, Dimensions, ...(Unit && { Unit }) };
        opened = { series: make(), datum, bytes: (6 + 2 * Dimensions.length) * fieldBytes + 3 * key.length };
        all.set(key, opened);
      }
      return opened.series as S;
    };
  }

  /** `false` when it is better to send no more for now. */
  async function send(parts: readonly Part[]): Promise<boolean> {
    if (givenUp) {
      for (const { giveBack } of parts) giveBack();
      return false;
    }
    const command = new PutMetricDataCommand({ Namespace: namespace, MetricData: parts.map(({ datum }) => datum) });
    try {
      await new Promise((resolve, reject) => {
        const controller = new AbortController();
        giveUp = () => {
          controller.abort();
          reject(new Error("cloudwatchMetrics: CloudWatch did not answer in time"));
        };
        const timer = setTimeout(giveUp, requestTimeoutMs).unref();
        client
          .send(command, { abortSignal: controller.signal })
          .finally(() => clearTimeout(timer))
          .then(resolve, reject);
      });
      failing = false;
      return true;
    } catch (error) {
      const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
      const refused = refusals.test(name) || $metadata?.httpStatusCode === 413;
      const kept = refused ? parts.filter(({ datum }) => datum.MetricName === droppedName) : parts;
      for (const { giveBack } of kept) giveBack();
      dropped.add(parts.length - kept.length);
      if (!failing) {
        failing = true;
        onError?.(error as Error);
      }
      return refused;
    }
  }

  async function drain(): Promise<boolean> {
    const Timestamp = new Date();
    let parts: Part[] = [];
    let bytes = 0;
    for (const { series, datum, bytes: own } of all.values()) {
      const taken = series.take();
      if (taken === undefined) continue;
      const { numbers, giveBack } = taken;
      parts.push({ datum: { ...datum, ...numbers, Timestamp }, giveBack });
      bytes += own + ("Values" in numbers ? 2 * numbers.Values.length * fieldBytes : 0);
      if (parts.length < most.datums && bytes < most.bytes) continue;
      if (!(await send(parts))) return false;
      parts = [];
      bytes = 0;
    }
    return parts.length === 0 || send(parts);
  }

  /** After what is being sent already. `false` when not all was sent. */
  function flush(): Promise<boolean> {
    const mine = (busy ?? Promise.resolve()).then(drain).finally(() => {
      if (busy === mine) busy = undefined;
    });
    return (busy = mine);
  }

  const stop = flushEvery("cloudwatchMetrics", flushIntervalMs, () => {
    if (busy === undefined) void flush();
  });

  const metrics = metricsFrom({
    counter: (name, instrument) => opener(name, instrument, () => new CounterSum()),
    gauge: (name, instrument) => opener(name, instrument, () => new GaugeLevel()),
    histogram: (name, instrument) => opener(name, instrument, () => new Observations()),
    async close() {
      stop();
      closed = true;
      // It keeps the process alive, which the flushes do not.
      const timer = setTimeout(() => {
        givenUp = true;
        giveUp();
      }, closeTimeoutMs);
      const sent = await flush();
      clearTimeout(timer);
      if (!sent) onError?.(new Error("cloudwatchMetrics: closed with values unsent"));
    },
  });
  dropped = metrics.counter(droppedName, { help: "Series' values that the backend refused." });
  return {
    ...metrics,
    async flush() {
      if (!closed) await flush();
    },
  };
}

/** What a number takes at most, its place in the request included, in the longest of the protocols that the client may speak. */
const fieldBytes = 70;

/** Printable ASCII, and more than spaces: what CloudWatch takes in names. */
const printable = /^(?=.*[!-~])[ -~]{1,255}$/;

function requireNames(name: string, labels: readonly string[]): void {
  if (!printable.test(name)) {
    throw new TypeError(`cloudwatchMetrics: "${name}" cannot be a name: only 1 to 255 characters of printable ASCII`);
  }
  const wrong = labels.find((label) => !printable.test(label) || label.startsWith(":"));
  if (wrong !== undefined) {
    throw new TypeError(
      `cloudwatchMetrics: "${wrong}" cannot be a label of "${name}": only 1 to 255 characters of printable ASCII, not starting with ":"`,
    );
  }
  if (labels.length > 30) {
    throw new TypeError(`cloudwatchMetrics: "${name}" has ${labels.length} labels, CloudWatch takes 30`);
  }
}

/** What CloudWatch cannot hold becomes `_`: all but printable ASCII, and a value of nothing but spaces. It takes 1024 characters. */
function dimensionsOf(labels: Labels): { Name: string; Value: string }[] {
  return Object.entries(labels)
    .map(([Name, value]) => ({
      Name,
      Value: value
        .slice(0, 1024)
        .replace(/[^ -~]/g, "_")
        .replace(/^ +$/, "_"),
    }))
    .filter(({ Value }) => Value !== "");
}

function requireMs(option: string, value: number, least: number): void {
  if (!(Number.isInteger(value) && value >= least && value < 2 ** 31)) {
    throw new TypeError(`cloudwatchMetrics: ${option} must be an integer from ${least} to 2147483647, got ${value}`);
  }
}
