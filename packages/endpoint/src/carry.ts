import type { Context } from "./context.ts";
import { carriedKeys, type ContextKey } from "./context-key.ts";

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
