import {
  type Breaker,
  type BreakerState,
  causedByCaller,
  guarded,
  type IsExcluded,
  openRefusal,
  type StateChange,
  withMembers,
} from "@kit/circuitbreaker";
import { type AnyMiddleware, type CancellableContext, type Context, type Endpoint, refusal } from "@kit/endpoint";
import circuits from "hystrixjs/lib/command/CircuitBreaker.js";
import Command from "hystrixjs/lib/command/Command.js";
import type { HystrixCounts } from "./counts.ts";
import { dashboardEvents, type HystrixEvent } from "./dashboard-events.ts";
import { RollingMetrics } from "./rolling-metrics.ts";

export interface HystrixOptions {
  /** What the command is called, in changes of state and on a dashboard. Two breakers of one name share nothing. */
  readonly name: string;
  /** What a dashboard groups commands by. @default the name, as in hystrix-go */
  readonly group?: string;
  /** How long a call may take, in ms; then it fails and its context ends. Infinity for none. @default 1_000, hystrix-go's */
  readonly timeoutMs?: number;
  /** Calls that may be under way at one time, at least 1; a further one is refused. @default 10, hystrix-go's */
  readonly maxConcurrentRequests?: number;
  /** Calls within ten seconds below which the breaker does not open. @default 20, hystrix-go's */
  readonly requestVolumeThreshold?: number;
  /** How long the breaker refuses before it tries one call, in ms. @default 5_000, hystrix-go's */
  readonly sleepWindowMs?: number;
  /** The percentage of errors, a whole number from 1 to 100, from which on the breaker opens. @default 50, hystrix-go's */
  readonly errorPercentThreshold?: number;
  /** Answers a call that failed or was refused. What it throws the call fails with. @default none: the error stands */
  readonly fallback?: (error: unknown, request: any, ctx: Context) => unknown;
  /** Which errors count as neither success nor failure, and need no fallback. @default `causedByCaller` */
  readonly isExcluded?: IsExcluded;
  /** Told each change of state. What it throws becomes an uncaught exception. @default nobody is told */
  readonly onStateChange?: (change: StateChange) => void;
}

/** A breaker on hystrixjs. */
export interface Hystrix extends Breaker<HystrixCounts> {
  /** What a Hystrix dashboard reads of it, made anew at each look. */
  readonly events: readonly HystrixEvent[];
}

interface Call {
  readonly next: Endpoint;
  readonly request: unknown;
  readonly ctx: Context;
  readonly inner: CancellableContext;
}

/** What an endpoint failed with, so that hystrixjs does not take its message for one of its own. */
class Failure {
  readonly message = "";
  readonly error: unknown;
  readonly excluded: boolean;

  constructor(error: unknown, excluded: boolean) {
    this.error = error;
    this.excluded = excluded;
  }
}

// Made once, since they come by the thousand when a service is slow.
const timedOut = refusal("deadline_exceeded", "hystrix: timeout");
const tooMany = refusal("resource_exhausted", "hystrix: max concurrency", { notSent: true });

/** The longest delay that `setTimeout` takes; beyond, it fires at once. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * A breaker that opens when, of at least `requestVolumeThreshold` calls within ten seconds, at least `errorPercentThreshold` % failed, timed
 * out or were refused. After `sleepWindowMs` it lets one call through; a success closes it. It limits how long calls take and how many
 * are under way, and answers with a fallback where there is one.
 *
 * Its state is its own: hystrixjs's registry, where commands of one key are one, is not used.
 *
 * @throws {KitError} from its calls, unless the fallback answers: `unavailable` "hystrix: circuit open", with `retryAfterMs`;
 *   `resource_exhausted` "hystrix: max concurrency"; `deadline_exceeded` "hystrix: timeout". The first two are marked `notSent`.
 * @throws {TypeError} for an option that makes no sense.
 * @see go-kit circuitbreaker/hystrix.go
 */
export function hystrix(options: HystrixOptions): Hystrix {
  const {
    name,
    group = name,
    timeoutMs = 1_000,
    maxConcurrentRequests = 10,
    requestVolumeThreshold = 20,
    sleepWindowMs = 5_000,
    errorPercentThreshold = 50,
    fallback,
    isExcluded = causedByCaller,
    onStateChange = () => {},
  } = options;
  if (typeof name !== "string" || name === "") throw new TypeError("hystrix: name must be a string that is not empty");
  if (!(timeoutMs > 0)) throw new TypeError(`hystrix: timeoutMs must be a positive number, got ${timeoutMs}`);
  for (const [option, value] of Object.entries({ maxConcurrentRequests, requestVolumeThreshold })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) {
      throw new TypeError(`hystrix: ${option} must be a positive integer, got ${value}`);
    }
  }
  if (!(sleepWindowMs > 0 && sleepWindowMs < Infinity)) {
    throw new TypeError(`hystrix: sleepWindowMs must be a positive number, got ${sleepWindowMs}`);
  }
  if (!(Number.isSafeInteger(errorPercentThreshold) && errorPercentThreshold >= 1 && errorPercentThreshold <= 100)) {
    throw new TypeError(
      `hystrix: errorPercentThreshold must be a whole number from 1 to 100, got ${errorPercentThreshold}`,
    );
  }
  const excludes = guarded(isExcluded, false);
  const tell = guarded(onStateChange, undefined);

  const metrics = new RollingMetrics(name, group);
  const key = Symbol(name);
  const circuit = circuits.getOrCreate({
    commandKey: key,
    circuitBreakerSleepWindowInMilliseconds: sleepWindowMs,
    // hystrixjs opens above its threshold, Hystrix from it on; the percentage is a whole number.
    circuitBreakerErrorThresholdPercentage: errorPercentThreshold - 1,
    circuitBreakerRequestVolumeThreshold: requestVolumeThreshold,
    circuitBreakerForceClosed: false,
    circuitBreakerForceOpened: false,
  });
  circuits.getCache().delete(key);
  const command = new Command<Call>({
    commandKey: name,
    commandGroup: group,
    timeout: timeoutMs === Infinity ? 0 : Math.min(timeoutMs, longestDelayMs),
    requestVolumeRejectionThreshold: maxConcurrentRequests,
    run,
    fallback: fallBack,
    isErrorHandler: (error) => !(error instanceof Failure && error.excluded),
  });
  // Both would look these up in the registry.
  Object.defineProperty(circuit, "metrics", { value: metrics });
  Object.defineProperties(command, { metrics: { value: metrics }, circuitBreaker: { value: circuit } });

  const isOpen = openRefusal("hystrix: circuit open", () =>
    circuit.circuitOpen ? circuit.circuitOpenedOrLastTestedTime + sleepWindowMs + 1 - Date.now() : 0,
  );
  let known: BreakerState = "closed";
  /** The last call that was let through while the breaker was open. */
  let trial: Call | undefined;

  function stateNow(): BreakerState {
    // Opens if it is time to, which hystrixjs leaves to the next call.
    if (!circuit.isOpen()) return "closed";
    const slept = Date.now() > circuit.circuitOpenedOrLastTestedTime + sleepWindowMs;
    return slept || trial !== undefined ? "half-open" : "open";
  }

  function look(): BreakerState {
    const state = stateNow();
    if (state !== known) {
      const from = known;
      known = state;
      tell({ name, from, to: state });
    }
    return state;
  }

  function ended(call: Call): void {
    if (trial === call) trial = undefined;
    look();
  }

  // An async function, so that what an endpoint throws, or returns, reaches hystrixjs as a promise.
  async function run(call: Call): Promise<unknown> {
    if (circuit.circuitOpen) trial = call;
    look();
    try {
      return await call.next(call.request, call.inner);
    } catch (error) {
      const excluded = excludes(error, call.ctx);
      // Not held against the callee, so another may try.
      if (excluded && trial === call) circuit.circuitOpenedOrLastTestedTime = 0;
      return Promise.reject(new Failure(error, excluded));
    }
  }

  async function fallBack(thrown: unknown, [call]: [Call]): Promise<unknown> {
    ended(call);
    let error = thrown;
    if (thrown instanceof Failure) {
      error = thrown.error;
      if (thrown.excluded) throw error;
    } else if ((thrown as Error).message === "CommandTimeOut") {
      error = timedOut;
      call.inner.cancel(timedOut);
    } else error = (thrown as Error).message === "CommandRejected" ? tooMany : isOpen;
    if (fallback === undefined) throw error;
    try {
      const response = await fallback(error, call.request, call.ctx);
      metrics.rollingCount.increment("FALLBACK_SUCCESS");
      return response;
    } catch (failure) {
      metrics.rollingCount.increment("FALLBACK_FAILURE");
      throw failure;
    }
  }

  const middleware: AnyMiddleware = <Request, Response>(next: Endpoint<Request, Response>) => {
    return (request: Request, ctx: Context): Promise<Response> => {
      const over = ctx.cancelled;
      if (over !== undefined) return Promise.reject(over);
      look();
      const call: Call = { next, request, ctx, inner: ctx.withCancel() };
      return command.execute(call).then((response) => {
        ended(call);
        return response as Response;
      });
    };
  };

  return withMembers<Hystrix>(middleware, {
    name,
    get state() {
      return look();
    },
    get counts() {
      return metrics.counts;
    },
    get events() {
      const state = look();
      const shown = {
        name,
        group,
        timeoutMs: Number.isFinite(timeoutMs) ? timeoutMs : 0,
        maxConcurrentRequests,
        requestVolumeThreshold,
        sleepWindowMs,
        errorPercentThreshold,
      };
      const latencyOf = (percentile: number | "mean"): number => Math.round(metrics.getExecutionTime(percentile));
      return dashboardEvents(shown, metrics.counts, latencyOf, state !== "closed");
    },
  });
}
