/** What a breaker has counted since its state last changed, or in its interval. */
export interface GobreakerCounts {
  /** Calls let through. */
  readonly requests: number;
  readonly totalSuccesses: number;
  readonly totalFailures: number;
  /** Calls whose outcome says nothing of the callee. */
  readonly totalExclusions: number;
  readonly consecutiveSuccesses: number;
  readonly consecutiveFailures: number;
}

/** Counts that change. */
export class Tally implements GobreakerCounts {
  requests = 0;
  totalSuccesses = 0;
  totalFailures = 0;
  totalExclusions = 0;
  consecutiveSuccesses = 0;
  consecutiveFailures = 0;

  succeeded(): void {
    this.totalSuccesses += 1;
    this.consecutiveSuccesses += 1;
    this.consecutiveFailures = 0;
  }

  failed(): void {
    this.totalFailures += 1;
    this.consecutiveFailures += 1;
    this.consecutiveSuccesses = 0;
  }

  copy(): GobreakerCounts {
    const { requests, totalSuccesses, totalFailures, totalExclusions, consecutiveSuccesses, consecutiveFailures } =
      this;
    return { requests, totalSuccesses, totalFailures, totalExclusions, consecutiveSuccesses, consecutiveFailures };
  }

  clear(): void {
    this.requests = this.totalSuccesses = this.totalFailures = this.totalExclusions = 0;
    this.consecutiveSuccesses = this.consecutiveFailures = 0;
  }
}
