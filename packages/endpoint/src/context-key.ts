import type { Context } from "./context.ts";

/** Text for a wire, and back. */
export interface Codec<T> {
  /** Any string: what a wire cannot hold is escaped on the way. */
  encode(value: T): string;
  /** What comes in is a stranger's: return `undefined`, or throw, for what makes no sense, and the value counts as absent. */
  decode(text: string): T | undefined;
}

/** Names a typed value in a `Context`. Made by {@link contextKey}. */
export interface ContextKey<T> {
  readonly name: string;
  /** `Symbol.for` of the name: what identifies the key, also in another copy of this package. */
  readonly id: symbol;
  readonly carry: Codec<T> | undefined;
}

/** Every carried key declared in this process, by name: what `inject` sends. Shared by all copies of this package. */
const carriedKeys: Map<string, ContextKey<any>> = ((globalThis as Record<symbol, any>)[
  Symbol.for("@kit/endpoint/carriedKeys")
] ??= new Map());

/**
 * Declares a key for a value in the context. Two keys of one name are one key, wherever they are declared, so put the package's
 * name before it: `contextKey<User>("@acme/auth/user")`.
 *
 * With `carry` the value crosses every wire to peers that declare the same key: `contextKey("tenant", { carry: text })`. The name is
 * then a header's: lower-case letters, digits and dashes. Declare such keys once, at the top of a module.
 *
 * @throws {TypeError} when a carried key's name cannot be a header.
 */
export function contextKey<T>(name: string, options?: { readonly carry: Codec<T> }): ContextKey<T> {
  const key: ContextKey<T> = { name, id: Symbol.for(`@kit/context/${name}`), carry: options?.carry };
  if (key.carry !== undefined) {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) {
      throw new TypeError(`contextKey: "${name}" cannot be a header`);
    }
    carriedKeys.set(name, key);
  }
  return key;
}

/** Carries a string as it is. */
export const text: Codec<string> = { encode: (value) => value, decode: (value) => value };

/** What a transport holds of an incoming call's headers: looks one up by its lower-case name. */
export type Carrier = (name: string) => string | undefined;

/** Marks the place in a context below which the caller's values are found. */
export const carrierId: symbol = Symbol.for("@kit/endpoint/carrier");

const carrierKey: ContextKey<Carrier> = { name: "carrier", id: carrierId, carry: undefined };

/**
 * For transports, on the way in: makes the values that a caller sent readable by their keys. They are decoded when asked for, so a
 * header that nobody reads costs nothing.
 */
export function extract(ctx: Context, carrier: Carrier): Context {
  return ctx.with(carrierKey, carrier);
}

/** For transports, on the way out: hands over each carried value of the context, percent-encoded so that any header can hold it. */
export function inject(ctx: Context, set: (name: string, value: string) => void): void {
  for (const key of carriedKeys.values()) {
    const value = ctx.get(key);
    if (value !== undefined) set(key.name, encodeURIComponent(key.carry!.encode(value).toWellFormed()));
  }
}

export function carriedValue<T>(key: ContextKey<T>, carrier: unknown): T | undefined {
  const header = (carrier as Carrier)(key.name);
  if (header === undefined) return undefined;
  try {
    return key.carry!.decode(decodeURIComponent(header));
  } catch {
    return undefined;
  }
}
