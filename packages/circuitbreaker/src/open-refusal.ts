import { type KitError, refusal } from "@kit/endpoint";

/**
 * What an open breaker refuses with: `unavailable`, marked `notSent`, without a stack. Make it once for a breaker: `retryAfterMs` looks at
 * the clock when it is read, so one error serves all the refusals of a breaker's life.
 *
 * @param remainingMs - how long the breaker stays open, in ms from now.
 */
export function openRefusal(message: string, remainingMs: () => number): KitError<"unavailable"> {
  return Object.defineProperty(refusal("unavailable", message, { notSent: true }), "retryAfterMs", {
    get: () => Math.max(0, Math.ceil(remainingMs())),
    enumerable: true,
  });
}
