/** What is left of a limit at a moment. */
export interface Quota {
  /** Calls that may go on at once when all of the limit is there. */
  readonly limit: number;
  /** Calls that may go on at once now. */
  readonly remaining: number;
  /** How long until all of the limit is there again if no call comes meanwhile, in ms. */
  readonly resetMs: number;
}

/** A limit that may know more than its decision: what a refused caller is told. */
export interface Meter {
  /** When a call refused now may be allowed, in ms from now, where that is known. */
  retryAfterMs?(): number | undefined;
  /** What is left, where that is known: for the `RateLimit-*` headers. */
  quota?(): Quota | undefined;
}
