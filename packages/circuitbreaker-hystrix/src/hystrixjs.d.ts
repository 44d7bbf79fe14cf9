// What is used of hystrixjs, whose own types tell of its factories only: these share all state by the command's key.

declare module "hystrixjs/lib/command/Command.js" {
  import type { Circuit } from "hystrixjs/lib/command/CircuitBreaker.js";
  import type { CommandMetrics } from "hystrixjs/lib/metrics/CommandMetrics.js";

  class Command<Call> {
    constructor(config: {
      readonly commandKey: string;
      readonly commandGroup: string;
      readonly timeout: number;
      readonly requestVolumeRejectionThreshold: number;
      readonly run: (call: Call) => Promise<unknown>;
      readonly fallback: (error: unknown, args: [Call]) => Promise<unknown>;
      readonly isErrorHandler: (error: unknown) => boolean;
    });
    readonly metrics: CommandMetrics;
    readonly circuitBreaker: Circuit;
    execute(call: Call): Promise<unknown>;
  }
  export default Command;
}

declare module "hystrixjs/lib/command/CircuitBreaker.js" {
  export interface Circuit {
    circuitOpen: boolean;
    circuitOpenedOrLastTestedTime: number;
    isOpen(): boolean;
  }
  const factory: {
    getOrCreate(config: {
      readonly commandKey: unknown;
      readonly circuitBreakerSleepWindowInMilliseconds: number;
      readonly circuitBreakerErrorThresholdPercentage: number;
      readonly circuitBreakerRequestVolumeThreshold: number;
      readonly circuitBreakerForceClosed: boolean;
      readonly circuitBreakerForceOpened: boolean;
    }): Circuit;
    getCache(): Map<unknown, Circuit>;
  };
  export default factory;
}

declare module "hystrixjs/lib/metrics/CommandMetrics.js" {
  type Event =
    | "SUCCESS"
    | "FAILURE"
    | "TIMEOUT"
    | "REJECTED"
    | "SHORT_CIRCUITED"
    | "FALLBACK_SUCCESS"
    | "FALLBACK_FAILURE";

  class CommandMetrics {
    constructor(
      commandKey: string,
      commandGroup: string,
      windows: {
        readonly statisticalWindowTimeInMilliSeconds: number;
        readonly statisticalWindowNumberOfBuckets: number;
        readonly percentileWindowTimeInMilliSeconds: number;
        readonly percentileWindowNumberOfBuckets: number;
      },
    );
    readonly rollingCount: { increment(event: Event): void };
    update(): void;
    getRollingCount(event: Event): number;
    getExecutionTime(percentile: number | "mean"): number;
    getCurrentExecutionCount(): number;
    getHealthCounts(): { totalCount: number; errorCount: number; errorPercentage: number };
    markFallbackSuccess(): void;
    markFallbackFailure(): void;
  }
  const module: { readonly CommandMetrics: typeof CommandMetrics };
  export default module;
  export type { CommandMetrics };
}
