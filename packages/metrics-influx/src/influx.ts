import { type Counter, discardMetrics, type Labels, type Metrics, metricsFrom } from "@kit/metrics";
import {
  flushEvery,
  heldSeries,
  lineSender,
  type LineSender,
  type LineSenderOptions,
  requireName,
  StreamingDistribution,
} from "@kit/metrics/push";
import { httpSender } from "./http-sender.ts";

export interface InfluxMetricsOptions extends Omit<LineSenderOptions, "protocol" | "host" | "port"> {
  /**
   * Where the server is, up to its API. `udp://host:port` sends to the UDP listener of a version 1, which has a database of its own.
   * @default "http://127.0.0.1:8086", the server's own
   */
  readonly url?: string;
  /** Writes by the API of version 1, to this database. @default none: one of `database` and `bucket` must be there over HTTP */
  readonly database?: string;
  /** Of the database. @default the database's own */
  readonly retentionPolicy?: string;
  /** Writes by the API of version 2, to this bucket. @default none */
  readonly bucket?: string;
  /** Of the bucket. @default none, for servers that need none */
  readonly org?: string;
  /** Sent as `authorization: Token ...`. @default none */
  readonly token?: string;
  /** With `password`, sent as basic authorization. @default none */
  readonly username?: string;
  /** @default none */
  readonly password?: string;
  /** Put before every name as it is. @default "" */
  readonly prefix?: string;
  /**
   * On every series; where an instrument has a label of that name, its value if it is given one. Two processes must differ in one of them, or
   * they may overwrite each other. @default none
   */
  readonly tags?: Labels;
  /** How often values are sent, in ms. @default 10_000, as Telegraf does */
  readonly flushIntervalMs?: number;
  /** How long the server may take to answer a request, in ms; the same lines are then sent again. @default 5000 */
  readonly requestTimeoutMs?: number;
  /** The clock, in ms since the epoch. @default Date.now */
  readonly now?: () => number;
}

/** go-kit's histograms have as many. */
const bins = 50;

/** What a histogram has seen since the last flush. */
class HeldHistogram {
  readonly #send: (fields: string) => boolean;
  #values = new StreamingDistribution(bins);

  constructor(send: (fields: string) => boolean) {
    this.#send = send;
  }

  observe(value: number): void {
    this.#values.observe(value);
  }

  flush(): void {
    const { count, sum } = this.#values;
    if (count === 0) return;
    let fields = `count=${count},sum=${Number.isFinite(sum) ? sum : Math.sign(sum) * Number.MAX_VALUE}`;
    for (const percent of [50, 90, 95, 99]) fields += `,p${percent}=${this.#values.quantile(percent / 100)}`;
    if (this.#send(fields)) this.#values = new StreamingDistribution(bins);
  }
}

/**
 * Metrics in InfluxDB, by its line protocol: counters as the field `count`, the sum since the last flush; gauges as `value`, where they stand at
 * every flush; histograms as `count`, `sum`, `p50`, `p90`, `p95` and `p99` of what they have seen since the last flush. Labels are tags. All
 * points of a flush have one time.
 *
 * Lines that the backend did not get are counted in it, once it is back, as `metrics_dropped_total`.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that cannot be named.
 * @see go-kit metrics/influx/influx.go
 */
export function influxMetrics(options: InfluxMetricsOptions = {}): Metrics {
  const { prefix = "", tags = {}, flushIntervalMs = 10_000, now = Date.now } = options;
  requireTags(Object.keys(tags));
  const base: Labels = { ...tags };
  const held = heldSeries();
  const histograms = new Map<string, HeldHistogram>();
  let dropped: Counter = discardMetrics.counter("");
  const sender = senderFor(options, (lines) => dropped.add(lines));

  // In ms, and never the same twice: a point replaces one of the same series and time.
  let time = 0;
  const flush = (): void => {
    time = Math.max(Math.floor(now()), time + 1);
    for (const histogram of histograms.values()) histogram.flush();
    held.flush();
    sender.flush();
  };
  const stop = flushEvery("influxMetrics", flushIntervalMs, flush);
  const check = (name: string, labels: readonly string[] = []): void => {
    requireName("influxMetrics", name);
    requireTags(labels);
  };
  const seriesOf = (name: string, given: Labels): string => seriesKey(name, { ...base, ...given });

  const metrics = metricsFrom({
    counter(asked, { labels }) {
      check(prefix + asked, labels);
      return (given) => {
        const series = seriesOf(prefix + asked, given);
        return held.counter(series, (sum) => sender.send(`${series} count=${sum} ${time}000000`));
      };
    },
    gauge(asked, { labels }) {
      check(prefix + asked, labels);
      return (given) => {
        const series = seriesOf(prefix + asked, given);
        return held.gauge(series, (value) => sender.send(`${series} value=${value} ${time}000000`));
      };
    },
    histogram(asked, { labels }) {
      check(prefix + asked, labels);
      return (given) => {
        const series = seriesOf(prefix + asked, given);
        let histogram = histograms.get(series);
        if (histogram === undefined) {
          histogram = new HeldHistogram((fields) => sender.send(`${series} ${fields} ${time}000000`));
          histograms.set(series, histogram);
        }
        return histogram;
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

function senderFor(options: InfluxMetricsOptions, onLost: (lines: number) => void): LineSender {
  const { url = "http://127.0.0.1:8086", maxQueueBytes = 1_048_576, closeTimeoutMs = 1000, onError } = options;
  const { database, retentionPolicy, bucket, org, token, username, password, requestTimeoutMs } = options;
  const target = URL.canParse(url) ? new URL(url) : undefined;
  // What was given is not said, for it may hold a password.
  if (target === undefined || !["http:", "https:", "udp:"].includes(target.protocol)) {
    throw new TypeError("influxMetrics: url must be a URL that begins with http://, https:// or udp://");
  }
  if (target.protocol === "udp:") {
    const http = { database, retentionPolicy, bucket, org, token, username, password, requestTimeoutMs };
    const idle = Object.entries(http).find(([, value]) => value !== undefined);
    if (idle !== undefined) throw new TypeError(`influxMetrics: ${idle[0]} means nothing to a udp:// url`);
    const address = { host: target.hostname.replace(/^\[|\]$/g, ""), port: Number(target.port || 8089) };
    return lineSender("influxMetrics", { ...options, ...address }, onLost);
  }
  if ((database === undefined) === (bucket === undefined)) {
    throw new TypeError("influxMetrics: one of database and bucket must be given");
  }
  if (token !== undefined && username !== undefined) {
    throw new TypeError("influxMetrics: token and username must not both be given");
  }
  target.pathname = target.pathname.replace(/\/*$/, bucket === undefined ? "/write" : "/api/v2/write");
  for (const [name, value] of Object.entries({ db: database, rp: retentionPolicy, bucket, org })) {
    if (value !== undefined) target.searchParams.set(name, value);
  }
  const headers: Record<string, string> = { "content-type": "text/plain; charset=utf-8" };
  if (username !== undefined) {
    headers["authorization"] = `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
  }
  if (token !== undefined) {
    if (!/^[\x21-\x7e]+$/.test(token)) throw new TypeError("influxMetrics: token must be visible ASCII characters");
    headers["authorization"] = `Token ${token}`;
  }
  return httpSender(
    "influxMetrics",
    { url: target, headers, requestTimeoutMs: requestTimeoutMs ?? 5000, maxQueueBytes, closeTimeoutMs, onError },
    onLost,
  );
}

function requireTags(labels: readonly string[]): void {
  const wrong = labels.find((label) => !/^(?!time$)[a-zA-Z0-9-][\w-]*$/.test(label));
  if (wrong !== undefined) {
    throw new TypeError(
      `influxMetrics: "${wrong}" cannot be a tag: only letters, digits, "_" and "-", no "_" first, not "time"`,
    );
  }
}

/**
 * A tag's value has no line break in any form, and one that ends in a backslash would swallow what comes behind it. Tags stand in the order
 * of their names, which spares the server sorting them.
 */
function seriesKey(name: string, tags: Labels): string {
  let key = name;
  for (const label of Object.keys(tags).toSorted()) {
    const value = tags[label]!.replace(/\p{Cc}|\\$/gu, "_").replace(/[,= ]/g, "\\$&");
    if (value !== "") key += `,${label}=${value}`;
  }
  return key;
}
