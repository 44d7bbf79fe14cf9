import type { AnyMiddleware, Context, Endpoint, Middleware } from "@kit/endpoint";
import { limitRefusal } from "./limit-refusal.ts";
import type { Meter } from "./quota.ts";
import { noteQuota } from "./rate-limit-headers.ts";

/**
 * Decides whether a call may go on: a token bucket, a sliding window, a fleet-wide counter.
 *
 * @see go-kit ratelimit/token_bucket.go, Allower
 */
export interface Allower extends Meter {
  /**
   * Whether the call may go on; if so, it is counted. A promise only where another machine must be asked, as calls then wait for it: what it rejects
   * with, the call rejects with.
   */
  allow(): boolean | Promise<boolean>;
}

/**
 * Refuses what is over a limit; the endpoint is not called.
 *
 * @param allower - or just the function that decides.
 * @throws {KitError} `resource_exhausted` "rate limit exceeded", with `retryAfterMs` and the `RateLimit-*` headers where the allower knows them.
 * @example
 * chain(erroringLimiter(tokenBucket({ ratePerSecond: 100, burst: 20 })), logged)(endpoint)
 * @see go-kit ratelimit/token_bucket.go, NewErroringLimiter
 */
export function erroringLimiter(allower: Allower | Allower["allow"]): AnyMiddleware {
  const limit: Allower = typeof allower === "function" ? { allow: allower } : allower;
  const limiter: AnyMiddleware = (next) => (request, ctx) => throughLimit(limit, limiter, next, request, ctx);
  return limiter;
}

/** One call through one limit: at once where the limit decides at once. */
export function throughLimit<Request, Response>(
  limit: Allower,
  limiter: Middleware,
  next: Endpoint<Request, Response>,
  request: Request,
  ctx: Context,
): Promise<Response> {
  const allowed = limit.allow();
  if (allowed === false) return Promise.reject(limitRefusal(limit));
  if (allowed !== true) {
    return allowed.then((granted) => {
      if (!granted) throw limitRefusal(limit);
      noteQuota(ctx, limiter, limit);
      return next(request, ctx);
    });
  }
  noteQuota(ctx, limiter, limit);
  return next(request, ctx);
}
