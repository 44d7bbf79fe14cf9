import {
  type Counter,
  discardMetrics,
  type InstrumentOptions,
  type Labels,
  type Metrics,
  metricsFrom,
} from "@kit/metrics";
import { flushEvery, StreamingDistribution } from "@kit/metrics/push";
import { MmvFile } from "./mmv-file.ts";
import { type MmvImage, mmvImage, type MmvMetric } from "./mmv.ts";
import { pcpDirectory } from "./pcp-directory.ts";
import { countUnits, unitsOf } from "./units.ts";

export interface PcpMetricsOptions {
  /** The file's, and what stands before every metric: `mmv.<name>.`. Letters, digits and `_`. One process a name. */
  readonly name: string;
  /** Where the file goes. @default $PCP_TMP_DIR/mmv, from the environment or /etc/pcp.conf, where PCP looks for it */
  readonly directory?: string;
  /** The file's number in PCP, from 1 to 2047, which no two may share. @default one made of the name, so that archives of several runs fit */
  readonly cluster?: number;
  /** How often values are written, in ms. @default 1000, for PCP seldom looks more often */
  readonly flushIntervalMs?: number;
  /** How many bins a histogram has: more make quantiles finer and `observe` dearer. @default 50 */
  readonly bins?: number;
  /** Told why the file cannot be written: once when that begins, and at `close` if it is not. Must not throw. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/** What PCP reads of one file. */
const most = { metrics: 1023, values: 10_000 };

interface Published extends MmvMetric {
  readonly domain: { readonly serial: number; readonly instances: { name: string; labels: Labels }[] } | undefined;
  readonly values: (() => number)[];
}

type Part = Pick<MmvMetric, "name" | "semantics" | "units">;

/**
 * Metrics in Performance Co-Pilot, through a file that its agent for memory mapped values (MMV) reads: counters and gauges under their
 * names, a histogram `h` as `h.count`, `h.sum`, `h.min`, `h.max`, `h.p50`, `h.p90`, `h.p95` and `h.p99`. Each label set is an instance.
 *
 * Values are kept in memory and written in place from time to time; a new series makes a new file. Where there is no room for a series
 * (PCP reads 10 000 values of a file), its values are counted as `metrics_dropped_total`.
 *
 * @throws {TypeError} when an option is wrong; when asked for an instrument that PCP cannot name or has no room for.
 * @see go-kit metrics/pcp/pcp.go
 */
export function pcpMetrics(options: PcpMetricsOptions): Metrics {
  const { name: file, directory = pcpDirectory(), flushIntervalMs = 1000, bins = 50, onError } = options;
  if (typeof file !== "string" || !/^[a-zA-Z]\w{0,63}$/.test(file)) {
    throw new TypeError(
      `pcpMetrics: name must be 1 to 64 letters, digits and "_", starting with a letter, got ${file}`,
    );
  }
  const { cluster = 1 + (hash(file) % 2047) } = options;
  if (typeof directory !== "string" || directory === "") {
    throw new TypeError(`pcpMetrics: directory must be a string that is not empty, got ${directory}`);
  }
  requireInteger("cluster", cluster, 1, 2047);
  requireInteger("bins", bins, 1, 10_000);

  const all: Published[] = [];
  const items = new Set<number>();
  const target = new MmvFile(directory, file);
  let valueCount = 0;
  let generation = Date.now();
  let dropped: Counter = discardMetrics.counter("");
  // Of all that is published; `undefined` when the file has to be made anew.
  let image: MmvImage | undefined;
  let failing = false;
  let busy: Promise<void> | undefined;

  /** Takes the names, and returns what publishes the values of one label set under them: `false` when there is no room. */
  function publish(parts: readonly Part[], { help = "", labels = [] }: InstrumentOptions) {
    for (const { name } of parts) requireName(file, name, all);
    if (items.size + parts.length > most.metrics) {
      throw new TypeError(
        `pcpMetrics: "${parts[0]!.name}" is more than PCP reads of one file, ${most.metrics} metrics`,
      );
    }
    let domain: Published["domain"];
    const mine = parts.map((part): Published => {
      const item = freeItem(items, part.name);
      if (labels.length > 0) domain ??= { serial: item, instances: [] };
      return { ...part, item, help: help || part.name, domain, values: [] };
    });
    all.push(...mine);
    return (given: Labels, reads: readonly (() => number)[]): boolean => {
      if (valueCount + reads.length > most.values) return false;
      valueCount += reads.length;
      domain?.instances.push({ name: instanceOf(given, domain.instances.length), labels: given });
      mine.forEach(({ values }, i) => values.push(reads[i]!));
      image = undefined;
      return true;
    };
  }

  function opener(name: string, semantics: MmvMetric["semantics"], instrument: InstrumentOptions) {
    const units = unitsOf(instrument.unit) || (semantics === "counter" ? countUnits : 0);
    const add = publish([{ name, semantics, units }], instrument);
    return (given: Labels) => {
      let value = 0;
      const shown = add(given, [() => value]);
      return {
        add(delta: number) {
          value += delta;
          if (!shown) dropped.add();
        },
        set(to: number) {
          value = to;
          if (!shown) dropped.add();
        },
      };
    };
  }

  async function write(): Promise<void> {
    try {
      if (image === undefined || !(await target.isThere())) {
        const next = mmvImage(
          all.filter(({ values }) => values.length > 0),
          { cluster, pid: process.pid, generation: ++generation },
        );
        image = next;
        await target.replace(next);
      } else if (image.refresh()) {
        await target.update(image);
      }
      failing = false;
    } catch (error) {
      image = undefined;
      if (!failing) onError?.(error as Error);
      failing = true;
    }
  }

  /** After what is being written already. */
  function flush(): Promise<void> {
    const mine = (busy ?? Promise.resolve()).then(write).finally(() => {
      if (busy === mine) busy = undefined;
    });
    return (busy = mine);
  }

  const stop = flushEvery("pcpMetrics", flushIntervalMs, () => {
    if (busy === undefined) void flush();
  });

  const metrics = metricsFrom({
    counter: (name, instrument) => opener(name, "counter", instrument),
    gauge: (name, instrument) => opener(name, "instant", instrument),
    histogram(name, instrument) {
      const units = unitsOf(instrument.unit);
      const add = publish(
        [
          { name: `${name}.count`, semantics: "counter", units: countUnits },
          { name: `${name}.sum`, semantics: "counter", units },
          ...["min", "max", "p50", "p90", "p95", "p99"].map((part): Part => ({
            name: `${name}.${part}`,
            semantics: "instant",
            units,
          })),
        ],
        instrument,
      );
      return (given) => {
        const observed = new StreamingDistribution(bins);
        const shown = add(given, [
          () => observed.count,
          () => observed.sum,
          () => observed.min ?? 0,
          () => observed.max ?? 0,
          ...[0.5, 0.9, 0.95, 0.99].map((q) => () => observed.quantile(q) ?? 0),
        ]);
        return {
          observe(value) {
            if (shown) observed.observe(value);
            else dropped.add();
          },
        };
      };
    },
    async close() {
      stop();
      await flush();
      await target.close();
      if (failing) onError?.(new Error("pcpMetrics: closed with values unwritten"));
    },
  });
  dropped = metrics.counter("metrics_dropped_total", { help: "Values of series for which there was no room." });
  return metrics;
}

const metricName = /^[a-zA-Z]\w*(\.[a-zA-Z]\w*)*$/;

function requireName(file: string, name: string, all: readonly MmvMetric[]): void {
  if (!metricName.test(name) || name.length > 255) {
    throw new TypeError(
      `pcpMetrics: "${name}" cannot be a name: only letters, digits, "_" and single dots, each part starting with a letter, 255 in all`,
    );
  }
  // PCP's names are a tree, in which only leaves are metrics.
  const taken = all.find((other) => `${other.name}.`.startsWith(`${name}.`) || `${name}.`.startsWith(`${other.name}.`));
  if (taken !== undefined) {
    throw new TypeError(`pcpMetrics: "${name}" cannot stand beside "${taken.name}" in "${file}"`);
  }
}

/** One that depends on the name alone, if possible: in archives a metric is known by it. */
function freeItem(items: Set<number>, name: string): number {
  let item = 1 + (hash(name) % most.metrics);
  while (items.has(item)) item = (item % most.metrics) + 1;
  items.add(item);
  return item;
}

/** A name without spaces, of which PCP reads no more than 255 bytes. */
function instanceOf(labels: Labels, internal: number): string {
  const name = Object.entries(labels)
    .map(([label, value]) => `${encodeURIComponent(label)}=${encodeURIComponent(value)}`)
    .join(",");
  if (name === "") return "-";
  return name.length > 255 ? `${name.slice(0, 240)}#${internal}` : name;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

function requireInteger(option: string, value: number, least: number, greatest: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= greatest)) {
    throw new TypeError(`pcpMetrics: ${option} must be an integer from ${least} to ${greatest}, got ${value}`);
  }
}
