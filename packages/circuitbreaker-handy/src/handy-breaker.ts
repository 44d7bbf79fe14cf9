import {
  type Admission,
  type BreakerState,
  causedByCaller,
  circuitBreaker,
  guarded,
  type IsExcluded,
  openRefusal,
  type StateChange,
  type TwoStepBreaker,
} from "@kit/circuitbreaker";
import { FailureRate, type HandyCounts } from "./failure-rate.ts";

export interface HandyBreakerOptions {
  /** The share of calls that may fail, from 0 to 1; the breaker opens when more do. */
  readonly failureRatio: number;
  /** Calls that may be counted before the breaker opens at all: one more and the ratio decides. @default 10, handy's */
  readonly minObservations?: number;
  /** How far back calls are counted, in ms, in whole seconds; at least 1_000. @default 5_000, handy's */
  readonly windowMs?: number;
  /** How long the breaker refuses before it tries one call, in ms. @default 1_000, handy's */
  readonly cooldownMs?: number;
  /** Says in changes of state which breaker this is. @default "" */
  readonly name?: string;
  /** Which errors count as neither success nor failure. @default `causedByCaller`; handy's users report what they like */
  readonly isExcluded?: IsExcluded;
  /** Told each change of state. What it throws becomes an uncaught exception. @default nobody is told */
  readonly onStateChange?: (change: StateChange) => void;
  /** A clock in ms, which should be monotonic. @default performance.now, which no adjustment of the system's time moves. */
  readonly now?: () => number;
}

/** A breaker with handy's state machine, in one step as a middleware or in two. */
export type HandyBreaker = TwoStepBreaker<HandyCounts>;

/** The longest window, in buckets: an hour of seconds. */
const maxSeconds = 3_600;

/**
 * A breaker that opens when, of more than `minObservations` calls in its window, more than `failureRatio` failed. After `cooldownMs` it is
 * half-open and lets one call through; that arms the cooldown anew, so there is one probe in each. A success closes it.
 *
 * A success closes it whenever the call began, also one that was under way when it opened: the callee has just been seen to work. A probe
 * that says nothing of the callee is not held against it: the next call is the probe.
 *
 * @throws {KitError} from its calls: `unavailable` "circuit open", with `retryAfterMs`. It is marked `notSent`, so a balancer may go on to
 *   another instance.
 * @throws {TypeError} for an option that makes no sense.
 * @see https://github.com/streadway/handy, breaker/breaker.go; go-kit circuitbreaker/handy_breaker.go
 */
export function handyBreaker(options: HandyBreakerOptions): HandyBreaker {
  const {
    failureRatio,
    minObservations = 10,
    windowMs = 5_000,
    cooldownMs = 1_000,
    name = "",
    isExcluded = causedByCaller,
    onStateChange = () => {},
    now = () => performance.now(),
  } = options;
  if (!(failureRatio >= 0 && failureRatio <= 1)) {
    throw new TypeError(`handyBreaker: failureRatio must be a number from 0 to 1, got ${failureRatio}`);
  }
  if (!(Number.isSafeInteger(minObservations) && minObservations >= 0)) {
    throw new TypeError(`handyBreaker: minObservations must be an integer of at least 0, got ${minObservations}`);
  }
  const seconds = Math.floor(windowMs / 1_000);
  if (!(seconds >= 1 && seconds <= maxSeconds)) {
    throw new TypeError(`handyBreaker: windowMs must be from 1000 to ${maxSeconds * 1_000}, got ${windowMs}`);
  }
  if (!(cooldownMs > 0 && cooldownMs < Infinity)) {
    throw new TypeError(`handyBreaker: cooldownMs must be a positive number, got ${cooldownMs}`);
  }
  const tell = guarded(onStateChange, undefined);

  const rate = new FailureRate(seconds, now);
  let state: BreakerState = "closed";
  /** When the cooldown is over. */
  let until = 0;
  /** How often the cooldown was armed. */
  let cooldowns = 0;

  function change(to: BreakerState): void {
    const from = state;
    state = to;
    if (from !== to) tell({ name, from, to });
  }

  function trip(): void {
    until = now() + cooldownMs;
    cooldowns += 1;
    change("open");
  }

  function look(): void {
    if (state === "open" && now() >= until) change("half-open");
  }

  function succeeded<Response>(response: Response): Response {
    if (state === "closed") rate.succeeded();
    else {
      rate.clear();
      change("closed");
    }
    return response;
  }

  function failed(): void {
    look();
    if (state === "half-open") trip();
    else if (state === "closed") {
      rate.failed();
      const { successes, failures, failureRate } = rate.counts;
      if (successes + failures > minObservations && failureRate > failureRatio) trip();
    }
  }

  const ordinary: Admission = { succeeded, failed, excluded() {} };

  function probe(): Admission {
    trip();
    const mine = cooldowns;
    return {
      succeeded,
      failed,
      excluded() {
        if (state === "open" && cooldowns === mine) change("half-open");
      },
    };
  }

  function admit(): Admission | undefined {
    if (state === "closed") return ordinary;
    look();
    return state === "half-open" ? probe() : undefined;
  }

  const isOpen = openRefusal("circuit open", () => (state === "open" ? until - now() : 0));

  return circuitBreaker<HandyCounts>(
    {
      name,
      admit,
      refusal: () => isOpen,
      get state() {
        look();
        return state;
      },
      get counts() {
        return rate.counts;
      },
    },
    isExcluded,
  );
}
