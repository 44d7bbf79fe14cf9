import { type HystrixCounts, rollingWindowMs } from "./counts.ts";
import type { HystrixOptions } from "./hystrix.ts";

/** What a Hystrix dashboard reads of one command: an object of numbers, names and flags with a `type`. */
export type HystrixEvent = Readonly<Record<string, unknown>> & {
  readonly type: "HystrixCommand" | "HystrixThreadPool";
};

/** The options that a dashboard shows. */
type Shown = Required<
  Pick<
    HystrixOptions,
    | "name"
    | "group"
    | "timeoutMs"
    | "maxConcurrentRequests"
    | "requestVolumeThreshold"
    | "sleepWindowMs"
    | "errorPercentThreshold"
  >
>;

/**
 * The two events that hystrix-go sends of each command; a pool here is the number of calls that may be under way.
 *
 * @param latencyOf - how long so many of a hundred calls took at most, or all on average, in whole ms: dashboards read no fractions.
 * @see https://github.com/afex/hystrix-go, hystrix/eventstream.go
 */
export function dashboardEvents(
  shown: Shown,
  counts: HystrixCounts,
  latencyOf: (percentile: number | "mean") => number,
  isOpen: boolean,
): readonly HystrixEvent[] {
  const { name, group, timeoutMs, maxConcurrentRequests } = shown;
  const latency = Object.fromEntries(
    [0, 25, 50, 75, 90, 95, 99, 99.5, 100].map((percentile) => [percentile, latencyOf(percentile)]),
  );
  const mean = latencyOf("mean");
  const command: HystrixEvent = {
    type: "HystrixCommand",
    name,
    group,
    currentTime: Date.now(),
    reportingHosts: 1,
    isCircuitBreakerOpen: isOpen,
    requestCount: counts.requests,
    errorCount: counts.requests - counts.successes,
    errorPercentage: counts.errorPercentage,
    rollingCountBadRequests: 0,
    rollingCountCollapsedRequests: 0,
    rollingCountExceptionsThrown: 0,
    rollingCountFailure: counts.failures,
    rollingCountFallbackFailure: counts.fallbackFailures,
    rollingCountFallbackRejection: 0,
    rollingCountFallbackSuccess: counts.fallbackSuccesses,
    rollingCountResponsesFromCache: 0,
    rollingCountSemaphoreRejected: 0,
    rollingCountShortCircuited: counts.shortCircuits,
    rollingCountSuccess: counts.successes,
    rollingCountThreadPoolRejected: counts.rejections,
    rollingCountTimeout: counts.timeouts,
    currentConcurrentExecutionCount: counts.concurrent,
    latencyExecute_mean: mean,
    latencyExecute: latency,
    latencyTotal_mean: mean,
    latencyTotal: latency,
    propertyValue_circuitBreakerEnabled: true,
    propertyValue_circuitBreakerErrorThresholdPercentage: shown.errorPercentThreshold,
    propertyValue_circuitBreakerForceClosed: false,
    propertyValue_circuitBreakerForceOpen: false,
    propertyValue_circuitBreakerRequestVolumeThreshold: shown.requestVolumeThreshold,
    propertyValue_circuitBreakerSleepWindowInMilliseconds: shown.sleepWindowMs,
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: maxConcurrentRequests,
    propertyValue_executionIsolationStrategy: "THREAD",
    propertyValue_executionIsolationThreadInterruptOnTimeout: true,
    propertyValue_executionIsolationThreadPoolKeyOverride: "",
    propertyValue_executionIsolationThreadTimeoutInMilliseconds: timeoutMs,
    propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests: 0,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: rollingWindowMs,
    propertyValue_requestCacheEnabled: false,
    propertyValue_requestLogEnabled: false,
  };
  const pool: HystrixEvent = {
    type: "HystrixThreadPool",
    name,
    reportingHosts: 1,
    currentActiveCount: counts.concurrent,
    currentCompletedTaskCount: 0,
    currentCorePoolSize: maxConcurrentRequests,
    currentLargestPoolSize: maxConcurrentRequests,
    currentMaximumPoolSize: maxConcurrentRequests,
    currentPoolSize: maxConcurrentRequests,
    currentQueueSize: 0,
    currentTaskCount: 0,
    rollingCountThreadsExecuted: counts.successes + counts.failures + counts.timeouts,
    rollingMaxActiveThreads: counts.concurrent,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: rollingWindowMs,
    propertyValue_queueSizeRejectionThreshold: 0,
  };
  return [command, pool];
}
