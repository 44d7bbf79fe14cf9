import { createHash } from "node:crypto";
import type { Context, Endpoint } from "@kit/endpoint";
import { type Allower, throughLimit } from "./erroring-limiter.ts";

/** A limit that knows when nothing is lost by forgetting it. */
export interface Forgettable {
  /** Whether a new one in its place would decide the same. */
  idle(): boolean;
}

export interface KeyedLimiterOptions<Request = any> {
  /** Whose call it is: a tenant, an address, a user. Must be something that the caller cannot choose freely, or it has as many limits as it likes. */
  readonly key: (request: Request, ctx: Context) => string;
  /** Makes the limit of a key that has none yet: a `tokenBucket`, a `slidingWindow`. */
  readonly limit: (key: string) => Allower & Forgettable;
  /**
   * Keys that are remembered at one time.
   * @default 100_000, which with token buckets takes less than 30 MB.
   */
  readonly maxKeys?: number;
}

/** A middleware for endpoints whose requests the key can be read from. */
export type KeyedLimiter<Bound = any> = <Request extends Bound, Response>(
  next: Endpoint<Request, Response>,
) => Endpoint<Request, Response>;

/** Longer ones are kept as their digest: a caller may have sent them. */
const maxKeyLength = 64;

/** How many remembered keys are looked at when a new one needs room: their number does not slow a call down. */
const looks = 8;

/**
 * Refuses what is over the limit of its key. All endpoints that it wraps share the limits.
 *
 * When `maxKeys` are remembered and a new one comes, the oldest that is idle (its bucket full, its window empty) makes room: a new limit would decide the
 * same, so nobody gains by having a key forgotten. Where none of the oldest is idle, the new key is not remembered: it shares one limit of its own
 * kind with all others that find no room, until there is some. So a caller with very many keys resets no limit, not even its own; it crowds newcomers.
 * At worst a key that has found room meanwhile has had its share of the crowd's limit and then its own.
 *
 * @throws {TypeError} for an option that makes no sense. A call rejects with `resource_exhausted`, as with `erroringLimiter`.
 * @example
 * keyedLimiter({ key: (_, ctx) => ctx.get(tenant) ?? "", limit: () => tokenBucket({ ratePerSecond: 10, burst: 20 }) })
 */
export function keyedLimiter<Request = any>(options: KeyedLimiterOptions<Request>): KeyedLimiter<Request> {
  const { key: keyOf, limit: limitOf, maxKeys = 100_000 } = options;
  if (typeof keyOf !== "function") throw new TypeError("keyedLimiter: key must be a function");
  if (typeof limitOf !== "function") throw new TypeError("keyedLimiter: limit must be a function");
  if (!(Number.isSafeInteger(maxKeys) && maxKeys >= 1)) {
    throw new TypeError(`keyedLimiter: maxKeys must be a positive integer, got ${maxKeys}`);
  }

  const limits = new Map<string, Allower & Forgettable>();
  let crowd: (Allower & Forgettable) | undefined;

  function newLimit(key: string): Allower & Forgettable {
    if (limits.size >= maxKeys && !makeRoom()) return (crowd ??= limitOf(key));
    const limit = limitOf(key);
    // A copy: a piece cut out of a header would keep all of the header in memory. In UTF-16, which loses nothing of any string.
    limits.set(Buffer.from(key, "utf16le").toString("utf16le"), limit);
    return limit;
  }

  function makeRoom(): boolean {
    let looked = 0;
    for (const [key, limit] of limits) {
      limits.delete(key);
      if (limit.idle()) return true;
      // Behind the others, so that the next look is at others.
      limits.set(key, limit);
      looked += 1;
      if (looked === looks) return false;
    }
    return false;
  }

  const limiter: KeyedLimiter<Request> = (next) => (request, ctx) => {
    const given = keyOf(request, ctx);
    const key = given.length > maxKeyLength ? createHash("sha256").update(given).digest("base64") : given;
    return throughLimit(limits.get(key) ?? newLimit(key), limiter, next, request, ctx);
  };
  return limiter;
}
