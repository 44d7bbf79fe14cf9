/** What a breaker has counted in the last ten seconds. */
export interface HystrixCounts {
  /** Calls that succeeded, or failed through the callee, timed out, or were refused. */
  readonly requests: number;
  readonly successes: number;
  readonly failures: number;
  readonly timeouts: number;
  /** Refused because too many were under way. */
  readonly rejections: number;
  /** Refused because the breaker was open. */
  readonly shortCircuits: number;
  readonly fallbackSuccesses: number;
  readonly fallbackFailures: number;
  /** Of the requests, all but the successes, rounded to a whole number. */
  readonly errorPercentage: number;
  /** Calls under way now. */
  readonly concurrent: number;
}

/** What counts, in ms: the last ten buckets of a second. */
export const rollingWindowMs = 10_000;
