import type { AnyMiddleware, Context } from "@kit/endpoint";
import type { Meter } from "./quota.ts";
import { noteQuota } from "./rate-limit-headers.ts";

/**
 * Holds a call back until it may go on.
 *
 * @see go-kit ratelimit/token_bucket.go, Waiter
 */
export interface Waiter extends Meter {
  /** Resolves when the call may go on, and rejects when it may not, or when its context ends first. */
  wait(ctx: Context): Promise<void>;
}

/**
 * Delays what is over a limit until it fits. What the waiter rejects with, the call rejects with; the endpoint is then not called.
 *
 * @param waiter - or just the function that waits.
 * @example
 * chain(delayingLimiter(tokenBucket({ ratePerSecond: 100, burst: 20 })), logged)(endpoint)
 * @see go-kit ratelimit/token_bucket.go, NewDelayingLimiter
 */
export function delayingLimiter(waiter: Waiter | Waiter["wait"]): AnyMiddleware {
  const limit: Waiter = typeof waiter === "function" ? { wait: waiter } : waiter;
  const limiter: AnyMiddleware = (next) => (request, ctx) =>
    limit.wait(ctx).then(() => {
      noteQuota(ctx, limiter, limit);
      return next(request, ctx);
    });
  return limiter;
}
