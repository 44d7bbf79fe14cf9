import { endianness } from "node:os";
import type { Labels } from "@kit/metrics";

/** Instances that metrics of one file share. The number of an instance is its place. */
interface MmvDomain {
  /** From 1 to 2047, one domain each. */
  readonly serial: number;
  readonly instances: readonly MmvInstance[];
}

interface MmvInstance {
  /** Printable ASCII without spaces, at most 255 characters, none twice. */
  readonly name: string;
  /** Those that do not fit, or that PCP could not read, are left out. */
  readonly labels: Labels;
}

export interface MmvMetric {
  /** Printable ASCII, at most 255 characters. */
  readonly name: string;
  /** What the metric is called in archives: from 0 to 1023, one metric each. */
  readonly item: number;
  readonly semantics: "counter" | "instant";
  /** A `pmUnits` of PCP's. */
  readonly units: number;
  /** Cut after 255 bytes. */
  readonly help: string;
  readonly domain: MmvDomain | undefined;
  /** One, or one for each instance of the domain. */
  readonly values: readonly (() => number)[];
}

interface MmvHeader {
  /** The file's number among all of them: from 1 to 2047, for PCP has eleven bits for it where it names domains. */
  readonly cluster: number;
  /** The process without which the file is worth nothing. */
  readonly pid: number;
  /** Another one than the file before had. */
  readonly generation: number;
}

/** All bytes of a file, and where the values are among them. */
export interface MmvImage {
  readonly bytes: Buffer;
  /** The part that changes when only values do. */
  readonly values: Buffer;
  readonly valuesOffset: number;
  /** Reads all values anew. `false` when none of them is another one than before. */
  refresh(): boolean;
}

/** Where the generation stands: a file in which it is 0 is being made anew. */
export const generationOffset = 8;

const little = endianness() === "LE";
const semantics = { counter: 1, instant: 3 };
const doubleType = 5;
const noDomain = -1;
/** PCP forgets the file when its process has ended. */
const processFlag = 2;

const headerBytes = 40;
const entryBytes = 16;
/** What a file is made of, in this order. */
const kinds = {
  domains: { type: 1, bytes: 32 },
  instances: { type: 2, bytes: 24 },
  metrics: { type: 3, bytes: 48 },
  values: { type: 4, bytes: 32 },
  strings: { type: 5, bytes: 256 },
  labels: { type: 6, bytes: 256 },
};
const longest = 255;
const encoder = new TextEncoder();
/** PCP's `PM_LABEL_INSTANCES`. */
const instanceLabel = 1 << 5;
/** Beyond that PCP reads none. */
const mostLabels = 10_000;

/**
 * Lays out a file: a header, a table of contents, and of each kind of part all in a row. It is of format version 3 where
 * there are labels, else 2.
 *
 * @see mmv(5)
 */
export function mmvImage(metrics: readonly MmvMetric[], header: MmvHeader): MmvImage {
  const domains = [...new Set(metrics.flatMap(({ domain }) => domain ?? []))];
  const instances = domains.flatMap((domain) =>
    domain.instances.map(({ name, labels }, internal) => ({ domain, name, labels, internal })),
  );
  const labels = instances
    .flatMap(({ domain: { serial }, labels: given, internal }) =>
      Object.entries(given)
        .flatMap((label) => labelText(label) ?? [])
        .map((text) => ({ serial, internal, text })),
    )
    .slice(0, mostLabels);
  const values = metrics.flatMap((metric) => metric.values.map((read, internal) => ({ metric, read, internal })));
  const strings = [
    ...new Set([...instances.map(({ name }) => name), ...metrics.flatMap(({ name, help }) => [name, help])]),
  ];

  const parts = { domains, instances, metrics, values, strings, labels };
  const used = (Object.keys(kinds) as (keyof typeof kinds)[]).filter((kind) => parts[kind].length > 0);
  let length = headerBytes + used.length * entryBytes;
  const offsets = new Map<keyof typeof kinds, number>();
  for (const kind of used) {
    offsets.set(kind, length);
    length += kinds[kind].bytes * parts[kind].length;
  }
  const at = (kind: keyof typeof kinds, index: number): number => offsets.get(kind)! + index * kinds[kind].bytes;
  const bytes = Buffer.alloc(length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);

  let cursor = 0;
  const int = (value: number): void => {
    view.setInt32(cursor, value, little);
    cursor += 4;
  };
  // Never above 2^53, so it needs no BigInt.
  const long = (value: number): void => {
    view.setUint32(cursor + (little ? 0 : 4), value, little);
    view.setUint32(cursor + (little ? 4 : 0), value / 2 ** 32, little);
    cursor += 8;
  };

  bytes.write("MMV\0", "latin1");
  cursor = 4;
  int(labels.length > 0 ? 3 : 2);
  long(header.generation);
  long(header.generation);
  int(used.length);
  int(processFlag);
  int(header.pid);
  int(header.cluster);
  for (const kind of used) {
    int(kinds[kind].type);
    int(parts[kind].length);
    long(at(kind, 0));
  }

  const domainAt = new Map(domains.map((domain, i) => [domain, at("domains", i)]));
  const metricAt = new Map(metrics.map((metric, i) => [metric, at("metrics", i)]));
  const stringAt = new Map(strings.map((text, i) => [text, at("strings", i)]));
  const firstAt = new Map<MmvDomain, number>();
  let first = 0;
  for (const domain of domains) {
    firstAt.set(domain, at("instances", first));
    first += domain.instances.length;
    int(domain.serial);
    int(domain.instances.length);
    long(firstAt.get(domain)!);
    long(0);
    long(0);
  }
  for (const { domain, name, internal } of instances) {
    long(domainAt.get(domain)!);
    int(0);
    int(internal);
    long(stringAt.get(name)!);
  }
  for (const { name, item, semantics: kind, units, domain, help } of metrics) {
    long(stringAt.get(name)!);
    int(item);
    int(doubleType);
    int(semantics[kind]);
    int(units);
    int(domain?.serial ?? noDomain);
    int(0);
    long(stringAt.get(help)!);
    long(stringAt.get(help)!);
  }
  const valuesOffset = at("values", 0);
  for (const { metric, internal } of values) {
    cursor += 16;
    long(metricAt.get(metric)!);
    long(metric.domain === undefined ? 0 : firstAt.get(metric.domain)! + internal * kinds.instances.bytes);
  }
  // Whole characters only, and at least one zero behind them.
  for (const [text, offset] of stringAt) encoder.encodeInto(text, bytes.subarray(offset, offset + longest));

  labels.forEach(({ serial, internal, text }, i) => {
    cursor = at("labels", i);
    int(instanceLabel);
    int(serial);
    int(internal);
    encoder.encodeInto(text, bytes.subarray(cursor));
  });

  const image = {
    bytes,
    values: bytes.subarray(valuesOffset, valuesOffset + values.length * kinds.values.bytes),
    valuesOffset,
    refresh() {
      let changed = false;
      values.forEach(({ read }, i) => {
        const offset = at("values", i);
        const value = read();
        if (view.getFloat64(offset, little) === value) return;
        view.setFloat64(offset, value, little);
        changed = true;
      });
      return changed;
    },
  };
  image.refresh();
  return image;
}

/** A label as PCP has it in a file, with a zero behind it in 244 bytes. */
function labelText([name, value]: [string, string | undefined]): string | undefined {
  const text = JSON.stringify({ [name]: value });
  return /^[a-zA-Z]\w*$/.test(name) && Buffer.byteLength(text) < 244 ? text : undefined;
}
