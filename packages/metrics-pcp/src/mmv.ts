import { endianness } from "node:os";

/** Instances that metrics of one file share. The number of an instance is its place. */
interface MmvDomain {
  /** From 1 to 2047, one domain each. */
  readonly serial: number;
  /** Printable ASCII without spaces, at most 255 characters, none twice. */
  readonly instances: readonly string[];
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
  /** The file's number among all of them: from 1 to 4095. */
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
const longest = 255;
const encoder = new TextEncoder();

/**
 * Lays out a file of format version 2, which PCP reads since 3.11: a header, a table of contents, and of each kind of part all in a row.
 *
 * @see mmv(5)
 */
export function mmvImage(metrics: readonly MmvMetric[], header: MmvHeader): MmvImage {
  const domains = [...new Set(metrics.flatMap(({ domain }) => domain ?? []))];
  const instances = domains.flatMap((domain) => domain.instances.map((name, internal) => ({ domain, name, internal })));
  const values = metrics.flatMap((metric) => metric.values.map((read, internal) => ({ metric, read, internal })));
  const strings = [
    ...new Set([...instances.map(({ name }) => name), ...metrics.flatMap(({ name, help }) => [name, help])]),
  ];

  const parts = [
    { type: 1, bytes: 32, count: domains.length },
    { type: 2, bytes: 24, count: instances.length },
    { type: 3, bytes: 48, count: metrics.length },
    { type: 4, bytes: 32, count: values.length },
    { type: 5, bytes: 256, count: strings.length },
  ].filter(({ count }) => count > 0);
  let length = headerBytes + parts.length * entryBytes;
  const contents = parts.map((part) => {
    const offset = length;
    length += part.bytes * part.count;
    return { ...part, offset };
  });
  const bytes = Buffer.alloc(length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const at = (type: number, index: number): number => {
    const { offset, bytes: size } = contents.find((part) => part.type === type)!;
    return offset + index * size;
  };

  let cursor = 0;
  const int = (value: number): void => {
    view.setInt32(cursor, value, little);
    cursor += 4;
  };
  // Never above 2^53; as a BigInt it would cost five times as much.
  const long = (value: number): void => {
    view.setUint32(cursor + (little ? 0 : 4), value, little);
    view.setUint32(cursor + (little ? 4 : 0), value / 2 ** 32, little);
    cursor += 8;
  };

  bytes.write("MMV\0", "latin1");
  cursor = 4;
  int(2);
  long(header.generation);
  long(header.generation);
  int(contents.length);
  int(processFlag);
  int(header.pid);
  int(header.cluster);
  for (const { type, count, offset } of contents) {
    int(type);
    int(count);
    long(offset);
  }

  const domainAt = new Map(domains.map((domain, i) => [domain, at(1, i)]));
  const metricAt = new Map(metrics.map((metric, i) => [metric, at(3, i)]));
  const stringAt = new Map(strings.map((text, i) => [text, at(5, i)]));
  const firstAt = new Map<MmvDomain, number>();
  let first = 0;
  for (const domain of domains) {
    firstAt.set(domain, at(2, first));
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
  const valuesOffset = cursor;
  for (const { metric, internal } of values) {
    cursor += 16;
    long(metricAt.get(metric)!);
    long(metric.domain === undefined ? 0 : firstAt.get(metric.domain)! + internal * 24);
  }
  // Whole characters only, and at least one zero behind them.
  for (const [text, offset] of stringAt) encoder.encodeInto(text, bytes.subarray(offset, offset + longest));

  const image = {
    bytes,
    values: bytes.subarray(valuesOffset, cursor),
    valuesOffset,
    refresh() {
      let changed = false;
      values.forEach(({ read }, i) => {
        const offset = valuesOffset + i * 32;
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
