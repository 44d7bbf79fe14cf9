import commandMetrics from "hystrixjs/lib/metrics/CommandMetrics.js";
import { type HystrixCounts, rollingWindowMs } from "./counts.ts";

const windows = {
  statisticalWindowTimeInMilliSeconds: rollingWindowMs,
  statisticalWindowNumberOfBuckets: 10,
  percentileWindowTimeInMilliSeconds: rollingWindowMs,
  percentileWindowNumberOfBuckets: 10,
};

/** hystrixjs's metrics of one command, outside its registry. */
export class RollingMetrics extends commandMetrics.CommandMetrics {
  constructor(name: string, group: string) {
    super(name, group, windows);
  }

  /** As hystrix-go counts: hystrixjs leaves out what was rejected, rounds down, and goes on with counts that are too old. */
  override getHealthCounts(): { totalCount: number; errorCount: number; errorPercentage: number } {
    this.update();
    const errorCount =
      this.getRollingCount("FAILURE") +
      this.getRollingCount("TIMEOUT") +
      this.getRollingCount("REJECTED") +
      this.getRollingCount("SHORT_CIRCUITED");
    const totalCount = errorCount + this.getRollingCount("SUCCESS");
    return {
      totalCount,
      errorCount,
      errorPercentage: totalCount === 0 ? 0 : Math.round((errorCount / totalCount) * 100),
    };
  }

  // hystrixjs marks these for failures without a fallback, and not for the fallback of an open breaker.
  override markFallbackSuccess(): void {}
  override markFallbackFailure(): void {}

  get counts(): HystrixCounts {
    const { totalCount, errorPercentage } = this.getHealthCounts();
    return {
      requests: totalCount,
      successes: this.getRollingCount("SUCCESS"),
      failures: this.getRollingCount("FAILURE"),
      timeouts: this.getRollingCount("TIMEOUT"),
      rejections: this.getRollingCount("REJECTED"),
      shortCircuits: this.getRollingCount("SHORT_CIRCUITED"),
      fallbackSuccesses: this.getRollingCount("FALLBACK_SUCCESS"),
      fallbackFailures: this.getRollingCount("FALLBACK_FAILURE"),
      errorPercentage,
      concurrent: this.getCurrentExecutionCount(),
    };
  }
}
