import { isIPv6 } from "node:net";
import { type Instance, optionError, parseInstance, recordReader } from "@kit/sd";

/** How an instance's address is made out of its record. */
export interface AddressChoice {
  readonly host: "ipAddr" | "hostName";
  readonly secure: boolean;
}

export interface ReadRecords {
  /** Those that are UP, one for each address. */
  readonly instances: readonly Instance[];
  /** Why others of them are left out. */
  readonly problems: readonly string[];
}

export interface RecordOptions {
  readonly service: string;
  readonly instance: Instance;
  readonly ttlMs: number;
  readonly secure: boolean;
  readonly hostName: string | undefined;
}

/** An instance in the form that Eureka's HTTP interface has it; only what is read here. */
interface EurekaRecord {
  readonly instanceId?: unknown;
  readonly status?: unknown;
  readonly ipAddr?: unknown;
  readonly hostName?: unknown;
  readonly port?: unknown;
  readonly securePort?: unknown;
  readonly metadata?: unknown;
  readonly lastUpdatedTimestamp?: unknown;
  readonly lastDirtyTimestamp?: unknown;
}

/** Eureka has no fields for them; these are the names under which Spring Cloud's load balancer looks for them. */
const [weightName, zoneName] = ["weight", "zone"];

/** Where its JSON says which Java class a map is. */
const className = "@class";

/**
 * The record of an instance.
 *
 * @throws {TypeError} when the address is no `host:port`, or its metadata hold a name that is taken.
 */
export function instanceRecord(
  caller: string,
  options: RecordOptions,
): { readonly id: string; readonly record: object } {
  const { service, ttlMs, secure } = options;
  const { address, weight, zone, metadata = {} } = parseInstance(options.instance);
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^\s:/@?#\\[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(portText);
  if ((bracketed === undefined ? plain === undefined : !isIPv6(bracketed)) || !(port >= 1 && port <= 65_535)) {
    throw optionError(`${caller}: instance.address`, "host:port or [IPv6]:port", address);
  }
  for (const name of [weightName, zoneName, className]) {
    if (Object.hasOwn(metadata, name)) throw new TypeError(`${caller}: instance.metadata must not have ${name}`);
  }
  const host = bracketed ?? plain!;
  const { hostName = host } = options;
  const id = `${host}:${service}:${port}`;
  return {
    id,
    record: {
      instanceId: id,
      app: service.toUpperCase(),
      vipAddress: service,
      secureVipAddress: service,
      hostName,
      ipAddr: host,
      status: "UP",
      port: { $: port, "@enabled": String(!secure) },
      securePort: { $: port, "@enabled": String(secure) },
      dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
      leaseInfo: {
        renewalIntervalInSecs: Math.max(1, Math.round(ttlMs / 3_000)),
        durationInSecs: Math.ceil(ttlMs / 1_000),
      },
      metadata: {
        ...metadata,
        ...(weight === undefined ? {} : { [weightName]: String(weight) }),
        ...(zone === undefined ? {} : { [zoneName]: zone }),
      },
    },
  };
}

interface Read {
  readonly instance: Instance;
  readonly updated: number;
}

/** Makes a reader of the answers to a question for one application. It throws when one is no such answer. */
export function recordsReader(choice: AddressChoice): (text: string) => ReadRecords {
  let problems: string[] = [];
  const readUp = recordReader<EurekaRecord | null, Marks, Read>({
    read(record) {
      if (record?.status !== "UP") return undefined;
      try {
        return { instance: readInstance(record, choice), updated: Number(record.lastUpdatedTimestamp) || 0 };
      } catch (error) {
        problems.push(`${shown(record.instanceId)} is ignored: ${(error as Error).message}`);
        return undefined;
      }
    },
    marks: marksOf,
    hasMarks,
  });

  return (text) => {
    const { application } = (JSON.parse(text) ?? {}) as { application?: { instance?: unknown } | null };
    if (typeof application !== "object" || application === null) throw new TypeError("no application");
    problems = [];
    // Older servers send one instance without its array.
    const records = [application.instance ?? []].flat() as readonly (EurekaRecord | null)[];
    const latest = new Map<string, Read>();
    for (const read of readUp(records)) {
      const { address } = read.instance;
      // Who died and came back under another id has two, until the lease of the first runs out.
      if (!((latest.get(address)?.updated ?? -1) >= read.updated)) latest.set(address, read);
    }
    return { instances: Array.from(latest.values(), ({ instance }) => instance), problems };
  };
}

/** What says which version of which record it is: a registration or a change of its metadata makes its times new, an operator its status. */
interface Marks {
  readonly id: string;
  readonly status: unknown;
  readonly updated: string;
  readonly dirty: string;
}

function marksOf(record: EurekaRecord | null): Marks | undefined {
  const { instanceId: id, status, lastUpdatedTimestamp: updated, lastDirtyTimestamp: dirty } = record ?? {};
  const known = typeof id === "string" && typeof updated === "string" && typeof dirty === "string";
  return known ? { id, status, updated, dirty } : undefined;
}

function hasMarks(record: EurekaRecord | null, { id, status, updated, dirty }: Marks): boolean {
  return (
    record?.instanceId === id &&
    record.lastUpdatedTimestamp === updated &&
    record.lastDirtyTimestamp === dirty &&
    record.status === status
  );
}

function readInstance(record: EurekaRecord, { host: preferred, secure }: AddressChoice): Instance {
  const host = [record[preferred], record.ipAddr, record.hostName].find(
    (each) => typeof each === "string" && each !== "",
  );
  if (host === undefined || !/^[^\s/@?#\\[\]]+$/.test(host as string)) throw new TypeError("no host");
  const { $: port, "@enabled": enabled } = (record[secure ? "securePort" : "port"] ?? {}) as Partial<
    Record<string, unknown>
  >;
  const number = Number(port);
  if (String(enabled) === "false" || !(Number.isInteger(number) && number >= 1 && number <= 65_535)) {
    throw new TypeError(secure ? "no secure port" : "no port");
  }
  const { [className]: _, [zoneName]: zone, [weightName]: weightText, ...others } = readMetadata(record.metadata);
  const weight = readWeight(weightText);
  const metadata = weight === undefined && weightText !== undefined ? { ...others, [weightName]: weightText } : others;
  const name = (host as string).includes(":") ? `[${host as string}]` : (host as string);
  return parseInstance({
    address: `${name}:${number}`,
    weight,
    zone,
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
  });
}

function readMetadata(metadata: unknown): Partial<Record<string, string>> {
  if (typeof metadata !== "object") return {};
  const entries = Object.entries(metadata ?? {}).filter(([, value]) => typeof value !== "object");
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

function readWeight(text: string | undefined): number | undefined {
  const weight = /^\d+(\.\d+)?(e[+-]?\d+)?$/.test(text ?? "") ? Number(text) : Infinity;
  return Number.isFinite(weight) ? weight : undefined;
}

function shown(id: unknown): string {
  return typeof id === "string" ? JSON.stringify(id.slice(0, 100)) : "an instance without an id";
}
