import { type KitError, refusal } from "@kit/endpoint";
import type { Meter } from "./quota.ts";
import { quotaHeaders } from "./rate-limit-headers.ts";

export const exceeded = "rate limit exceeded";

// Made once, since a limit is hit by the thousand.
const unmetered = refusal("resource_exhausted", exceeded);

/** What a call over the limit is refused with; on HTTP it brings the limit's headers, as a transport's Headerer. */
export function limitRefusal(meter: Meter, message: string = exceeded): KitError {
  const retryAfterMs = meter.retryAfterMs?.();
  if (meter.quota === undefined) {
    if (retryAfterMs === undefined && message === exceeded) return unmetered;
    return refusal("resource_exhausted", message, { retryAfterMs });
  }
  // Written out only where somebody encodes them.
  const headers = (): ReturnType<typeof quotaHeaders> => quotaHeaders(meter.quota?.());
  return Object.assign(refusal("resource_exhausted", message, { retryAfterMs }), { headers });
}
