import { type Counter, discardMetrics, type Labels, type Metrics, metricsFrom } from "@kit/metrics";
import {
  flushEvery,
  heldSeries,
  lineSender,
  type LineSenderOptions,
  pathOf,
  requireName,
  StreamingDistribution,
} from "@kit/metrics/push";

export interface GraphiteMetricsOptions extends Omit<LineSenderOptions, "port"> {
  /** TCP says when nobody is there and loses less; carbon's UDP port is shut unless it is told otherwise. @default "tcp" */
  readonly protocol?: "udp" | "tcp";
  /** @default 2003, carbon's own for lines */
  readonly port?: number;
  /** Put before every name as it is, so end it in a dot. Two processes must not have the same, or they overwrite each other. @default "" */
  readonly prefix?: string;
  /** How often values are sent, in ms. @default 10_000, a sixth of a step, so that a step is never long out of date */
  readonly flushIntervalMs?: number;
  /**
   * The step in which carbon stores, in ms, whole seconds: the first number of its `retentions`. All lines of a step bear its time and
   * hold its whole sum, for carbon keeps the last of them only. @default 60_000, carbon's own
   */
  readonly resolutionMs?: number;
  /** Writes labels as tags, `requests;code=ok`, which carbon and Graphite have had since 1.1. @default false: in the name, `requests.code.ok` */
  readonly tags?: boolean;
  /** The clock, in ms since the epoch. @default Date.now */
  readonly now?: () => number;
}

/** What is counted within one step; `lines` are sent at each flush in it, each time with all of it. */
interface StepSeries {
  lines(time: number): string;
  reset(): void;
}

class StepCounter implements StepSeries {
  readonly #path: string;
  #sum = 0;

  constructor(path: string) {
    this.#path = path;
  }

  add(delta: number): void {
    this.#sum = Math.min(this.#sum + delta, Number.MAX_VALUE);
  }

  lines(time: number): string {
    return `${this.#path} ${this.#sum} ${time}`;
  }

  reset(): void {
    this.#sum = 0;
  }
}

/** go-kit's histograms have as many. */
const bins = 50;
const quantiles = [50, 90, 95, 99] as const;

class StepHistogram implements StepSeries {
  readonly #countPath: string;
  readonly #quantilePaths: readonly (readonly [number, string])[];
  #values = new StreamingDistribution(bins);

  constructor(pathOfPart: (part: string) => string) {
    this.#countPath = pathOfPart(".count");
    this.#quantilePaths = quantiles.map((percent) => [percent / 100, pathOfPart(`.p${percent}`)]);
  }

  observe(value: number): void {
    this.#values.observe(value);
  }

  lines(time: number): string {
    let lines = `${this.#countPath} ${this.#values.count} ${time}`;
    if (this.#values.count === 0) return lines;
    for (const [q, path] of this.#quantilePaths) lines += `\n${path} ${this.#values.quantile(q)} ${time}`;
    return lines;
  }

  reset(): void {
    if (this.#values.count > 0) this.#values = new StreamingDistribution(bins);
  }
}

/**
 * Metrics in Graphite, by carbon's plaintext protocol: counters as the sum of each step, gauges as where they stand at every flush,
 * histograms as `name.count` and the quantiles `name.p50`, `.p90`, `.p95` and `.p99` of each step.
 *
 * Lines that the backend did not get are counted in it, once it is back, as `metrics_dropped_total`.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that Graphite cannot name.
 * @see go-kit metrics/graphite/graphite.go
 */
export function graphiteMetrics(options: GraphiteMetricsOptions = {}): Metrics {
  const {
    prefix = "",
    flushIntervalMs = 10_000,
    resolutionMs = 60_000,
    tags = false,
    now = Date.now,
    ...target
  } = options;
  if (!(Number.isInteger(resolutionMs) && resolutionMs > 0 && resolutionMs % 1000 === 0)) {
    throw new TypeError(`graphiteMetrics: resolutionMs must be a positive multiple of 1000, got ${resolutionMs}`);
  }
  const seriesPath = (name: string, labels: Labels, part = ""): string =>
    tags ? taggedPathOf(name + part, labels) : filePathOf(name, labels) + part;
  const counted = new Map<string, StepSeries>();
  const held = heldSeries();
  let dropped: Counter = discardMetrics.counter("");
  const sender = lineSender("graphiteMetrics", { protocol: "tcp", port: 2003, ...target }, (lines) =>
    dropped.add(lines),
  );

  const timeNow = (): number => Math.floor(now() / resolutionMs) * (resolutionMs / 1000);
  let time = timeNow();
  const flush = (): void => {
    // What came since the last flush belongs to the step of that flush, wherever the clock has got to.
    const next = timeNow();
    for (const series of counted.values()) {
      const taken = sender.send(series.lines(time));
      if (taken && next !== time) series.reset();
    }
    time = next;
    held.flush();
    sender.flush();
  };
  const stop = flushEvery("graphiteMetrics", flushIntervalMs, flush);

  function once<Series extends StepSeries>(key: string, make: () => Series): Series {
    let series = counted.get(key) as Series | undefined;
    if (series === undefined) counted.set(key, (series = make()));
    return series;
  }
  const check = (name: string, labels: readonly string[] = []): void => {
    requireName("graphiteMetrics", name, labels);
    // Graphite keeps the series' own name under it.
    if (tags && labels.includes("name")) {
      throw new TypeError(`graphiteMetrics: "name" cannot be a label of "${name}": Graphite has it as a tag already`);
    }
  };

  const metrics = metricsFrom({
    counter(asked, { labels }) {
      check(prefix + asked, labels);
      return (given) => {
        const path = seriesPath(prefix + asked, given);
        return once(`counter ${path}`, () => new StepCounter(path));
      };
    },
    gauge(asked, { labels }) {
      check(prefix + asked, labels);
      return (given) => {
        const path = seriesPath(prefix + asked, given);
        return held.gauge(path, (value) => sender.send(`${path} ${value} ${time}`));
      };
    },
    histogram(asked, { labels }) {
      check(prefix + asked, labels);
      return (given) => {
        const pathOfPart = (part: string): string => seriesPath(prefix + asked, given, part);
        return once(`histogram ${pathOfPart("")}`, () => new StepHistogram(pathOfPart));
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

/** Each part is a folder or, with an ending, a file of carbon's, which may have 255 bytes. */
function filePathOf(name: string, labels: Labels): string {
  return pathOf(name, labels).replace(/[\w-]{241,}/g, (part) => part.slice(0, 240));
}

/** A tag's value holds no blank and no ";", and has no "~" in front; a path that ends in `"}` would be read as OpenMetrics. */
function taggedPathOf(name: string, labels: Labels): string {
  let path = name;
  for (const [label, value] of Object.entries(labels)) path += `;${label}=${value.replace(/^~|[\s\p{Cc};"]/gu, "_")}`;
  return path;
}
