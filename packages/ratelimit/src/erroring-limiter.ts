import { type AnyMiddleware, type KitError, refusal } from "@kit/endpoint";

/**
 * Decides at once whether a call may go on: a token bucket, a quota, a fleet-wide counter's local half.
 *
 * @see go-kit ratelimit/token_bucket.go, Allower
 */
export interface Allower {
  /** Whether the call may go on; if so, it is counted. */
  allow(): boolean;
  /** When a call refused now may be allowed, in ms from now, where that is known. The caller is told. */
  retryAfterMs?(): number;
}

// Made once, since a limit is hit by the thousand.
const limited = refusal("resource_exhausted", "rate limit exceeded");

/**
 * Refuses what is over a limit; the endpoint is not called.
 *
 * @param allower - or just the function that decides.
 * @throws {KitError} `resource_exhausted` "rate limit exceeded", with `retryAfterMs` where the allower knows it.
 * @example
 * chain(erroringLimiter(tokenBucket({ ratePerSecond: 100, burst: 20 })), logged)(endpoint)
 * @see go-kit ratelimit/token_bucket.go, NewErroringLimiter
 */
export function erroringLimiter(allower: Allower | Allower["allow"]): AnyMiddleware {
  const limit: Allower = typeof allower === "function" ? { allow: allower } : allower;
  return (next) => (request, ctx) => (limit.allow() ? next(request, ctx) : Promise.reject(refused(limit)));
}

function refused(limit: Allower): KitError {
  const retryAfterMs = limit.retryAfterMs?.();
  return retryAfterMs === undefined ? limited : refusal("resource_exhausted", limited.message, { retryAfterMs });
}
