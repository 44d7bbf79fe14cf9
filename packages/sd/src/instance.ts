import { isWithin, optionError } from "./option.ts";

/** One running copy of a service, as a registry knows it. */
export interface Instance {
  /** Where it is reached, in the form its service's clients expect: `host:port`, `[::1]:port`, or a URL. Identifies the instance. */
  readonly address: string;
  /** Its share of the traffic relative to the others'. @default 1 */
  readonly weight?: number;
  /** The failure domain it runs in, such as a data centre or a rack. */
  readonly zone?: string;
  /** Whatever else its registrar said of it. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What `parseInstance` has made, and nobody can have changed since. */
const parsed = new WeakSet<object>();

/**
 * A frozen copy of what may be an instance: an option, or what JSON a registry held. Unknown fields are left out. What it has made itself it gives back.
 *
 * @throws {TypeError} naming the field that is wrong: an address that is no string or empty, a weight below 0 or not finite, a zone or
 * a metadata value that is no string.
 */
export function parseInstance(value: unknown): Instance {
  if (parsed.has(value as object)) return value as Instance;
  const { address, weight, zone, metadata } = (value ?? {}) as Partial<Record<keyof Instance, unknown>>;
  if (typeof address !== "string" || address === "") {
    throw optionError("instance: address", "a string that is not empty", address);
  }
  const instance: { -readonly [Field in keyof Instance]: Instance[Field] } = { address };
  if (weight !== undefined) {
    if (!isWithin(weight, 0, Number.MAX_VALUE)) {
      throw optionError("instance: weight", "a finite number of at least 0", weight);
    }
    instance.weight = weight as number;
  }
  if (zone !== undefined) {
    if (typeof zone !== "string") throw optionError("instance: zone", "a string", zone);
    instance.zone = zone;
  }
  if (metadata !== undefined) {
    if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
      throw optionError("instance: metadata", "an object", metadata);
    }
    for (const [name, text] of Object.entries(metadata)) {
      if (typeof text !== "string") throw optionError(`instance: metadata.${name}`, "a string", text);
    }
    instance.metadata = Object.freeze({ ...metadata }) as Record<string, string>;
  }
  parsed.add(instance);
  return Object.freeze(instance);
}

/** The order of every list of instances: by address, code unit by code unit. */
export function byAddress(a: Instance, b: Instance): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
}

/** Whether two instances of one address say the same. */
export function sameInstance(a: Instance, b: Instance): boolean {
  return a === b || (a.weight === b.weight && a.zone === b.zone && sameMetadata(a.metadata, b.metadata));
}

function sameMetadata(a: Instance["metadata"], b: Instance["metadata"]): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  let more = 0;
  for (const name in a) {
    if (a[name] !== b[name]) return false;
    more += 1;
  }
  for (const _ in b) more -= 1;
  return more === 0;
}
