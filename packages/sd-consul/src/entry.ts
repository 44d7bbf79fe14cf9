import { type Instance, optionError, parseInstance } from "@kit/sd";

/** What an instance says beside its address, in the service's metadata: Consul has no field for a zone, and its weights are whole numbers from 1 on. */
const [zoneKey, weightKey] = ["kit-zone", "kit-weight"];

/** An entry of Consul's answer to `/v1/health/service/<name>`, as far as it is read. */
interface Entry {
  readonly Node?: { readonly Node?: string; readonly Address?: string; readonly ModifyIndex?: number };
  readonly Service?: {
    readonly ID?: string;
    readonly ModifyIndex?: number;
    readonly Address?: string;
    readonly Port?: number;
    readonly Tags?: readonly string[] | null;
    readonly Meta?: Readonly<Record<string, string>> | null;
    readonly Weights?: { readonly Passing?: number };
  };
}

/**
 * The instance of an entry: at the service's address, or at its node's where it has none.
 *
 * @throws {TypeError} when the entry makes no sense.
 */
export function instanceOf(entry: unknown): Instance {
  const { Node, Service } = (entry ?? {}) as Entry;
  const host = Service?.Address || Node?.Address;
  const port = Service?.Port;
  if (typeof host !== "string" || host === "") throw new TypeError("entry: it has no address");
  if (!Number.isInteger(port)) throw new TypeError("entry: Service.Port must be a whole number");
  const { [zoneKey]: zone, [weightKey]: exactWeight, ...metadata } = Service?.Meta ?? {};
  const passing = Service?.Weights?.Passing;
  // 1 is what Consul says of whoever has said nothing.
  const weight = exactWeight === undefined ? (passing === 1 ? undefined : passing) : Number(exactWeight);
  return parseInstance({
    address: `${host.includes(":") ? `[${host}]` : host}:${port}`,
    weight,
    zone,
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
  });
}

/** What says which version of which entry it is, in one history of Consul's; its checks are not read. */
export interface Marks {
  readonly id: string;
  readonly modified: number;
  readonly node: string | undefined;
  readonly nodeModified: number;
}

export function marksOf(entry: unknown): Marks | undefined {
  const { Node: node, Service: service } = (entry ?? {}) as Entry;
  const [id, modified, nodeModified] = [service?.ID, service?.ModifyIndex, node?.ModifyIndex];
  if (id === undefined || modified === undefined || nodeModified === undefined) return undefined;
  return { id, modified, node: node?.Node, nodeModified };
}

export function hasMarks(entry: unknown, { id, modified, node: name, nodeModified }: Marks): boolean {
  const { Node: node, Service: service } = (entry ?? {}) as Entry;
  // Numbers first: they tell most of those apart that differ, and cost least.
  return (
    service?.ModifyIndex === modified && node?.ModifyIndex === nodeModified && service.ID === id && node.Node === name
  );
}

export function hasTags(entry: unknown, tags: readonly string[]): boolean {
  const own = (entry as Entry | null)?.Service?.Tags ?? [];
  return tags.every((tag) => own.includes(tag));
}

/** The fields of a registration that say where and what the instance is. */
export interface ServiceFields {
  readonly Address: string;
  readonly Port: number;
  readonly Meta: Readonly<Record<string, string>>;
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
}

/** @throws {TypeError} when the address is not `host:port`. */
export function serviceFields({ address, weight, zone, metadata }: Instance): ServiceFields {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw optionError("consulRegistrar: instance.address", "host:port", address);
  const whole = weight === undefined ? undefined : Math.min(Math.max(Math.round(weight), 1), 65_535);
  return {
    Address: host,
    Port: Number(port),
    Meta: {
      ...metadata,
      ...(zone !== undefined && { [zoneKey]: zone }),
      ...(weight !== undefined && { [weightKey]: String(weight) }),
    },
    ...(whole !== undefined && { Weights: { Passing: whole, Warning: 1 } }),
  };
}
