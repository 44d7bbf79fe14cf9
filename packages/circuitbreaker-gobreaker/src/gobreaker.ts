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
import { refusal } from "@kit/endpoint";
import type { GobreakerCounts } from "./counts.ts";
import { RollingCounts } from "./rolling-counts.ts";

export interface GobreakerOptions {
  /** Says in changes of state which breaker this is. @default "" */
  readonly name?: string;
  /** Calls let through while half-open, at least 1; as many successes in a row close the breaker. @default 1 */
  readonly maxRequests?: number;
  /** How long the closed breaker counts before it begins anew, in ms. @default Infinity: it counts until it opens */
  readonly intervalMs?: number;
  /**
   * The step, in ms, in which the interval rolls on, instead of beginning anew all at once; the interval is rounded up to a multiple, of at
   * most 1_000 steps. @default none: a fixed interval
   */
  readonly bucketPeriodMs?: number;
  /** How long the breaker stays open before it is half-open, in ms. @default 60_000, gobreaker's */
  readonly timeoutMs?: number;
  /** Asked after each failure while closed: whether to open. @default more than 5 failures in a row */
  readonly readyToTrip?: (counts: GobreakerCounts) => boolean;
  /** Which errors are no failures, and count as successes. @default none */
  readonly isSuccessful?: (error: unknown) => boolean;
  /** Which errors count as neither success nor failure; asked first. @default `causedByCaller`; gobreaker's is none */
  readonly isExcluded?: IsExcluded;
  /** Told each change of state. What it throws becomes an uncaught exception. @default nobody is told */
  readonly onStateChange?: (change: StateChange) => void;
  /** A clock in ms, which should be monotonic. @default performance.now, which no adjustment of the system's time moves. */
  readonly now?: () => number;
}

/** A breaker with gobreaker's state machine, in one step as a middleware or in two. */
export type Gobreaker = TwoStepBreaker<GobreakerCounts>;

const maxBuckets = 1_000;

// Made once, since it comes by the thousand while a slow call is tried.
const tooManyRequests = refusal("unavailable", "too many requests", { notSent: true });

/**
 * A breaker that opens when its counts say so, by default after 6 failures in a row; it is then half-open after a while, lets a few calls
 * through, and closes if all of them succeed or opens again if one fails.
 *
 * What a call brings counts only while the breaker is as it was when the call began: each change of state and each new interval begins a
 * generation, and results of an earlier one are dropped.
 *
 * @throws {KitError} from its calls: `unavailable` "circuit breaker is open", with `retryAfterMs`, and `unavailable` "too many requests" when
 *   it is half-open and tries enough calls already. Both are marked `notSent`, so a balancer may go on to another instance.
 * @throws {TypeError} for an option that makes no sense.
 * @see https://github.com/sony/gobreaker, v2/gobreaker.go; go-kit circuitbreaker/gobreaker.go
 */
export function gobreaker(options: GobreakerOptions = {}): Gobreaker {
  const {
    name = "",
    maxRequests = 1,
    intervalMs = Infinity,
    bucketPeriodMs,
    timeoutMs = 60_000,
    readyToTrip = ({ consecutiveFailures }: GobreakerCounts) => consecutiveFailures > 5,
    isSuccessful = () => false,
    isExcluded = causedByCaller,
    onStateChange = () => {},
    now = () => performance.now(),
  } = options;
  if (!(Number.isSafeInteger(maxRequests) && maxRequests >= 1)) {
    throw new TypeError(`gobreaker: maxRequests must be a positive integer, got ${maxRequests}`);
  }
  if (!(intervalMs > 0)) throw new TypeError(`gobreaker: intervalMs must be a positive number, got ${intervalMs}`);
  if (!(timeoutMs > 0 && timeoutMs < Infinity)) {
    throw new TypeError(`gobreaker: timeoutMs must be a positive number, got ${timeoutMs}`);
  }
  const buckets = bucketPeriodMs === undefined ? 1 : Math.ceil(intervalMs / bucketPeriodMs);
  if (!(buckets >= 1 && buckets <= maxBuckets)) {
    throw new TypeError(
      `gobreaker: bucketPeriodMs must go into intervalMs 1 to ${maxBuckets} times, got ${bucketPeriodMs} for ${intervalMs}`,
    );
  }
  const periodMs = bucketPeriodMs ?? intervalMs;
  const trips = guarded(readyToTrip, false);
  const succeeds = guarded(isSuccessful, false);
  const tell = guarded(onStateChange, undefined);

  const rolls = buckets > 1;
  const counts = new RollingCounts(buckets);
  const { total } = counts;
  let state: BreakerState = "closed";
  let generation = 0;
  /** When this generation began. */
  let since = 0;
  /** When the clock brings the next change. */
  let until = Infinity;
  /** Whether it ever does; if not, the clock need not be asked. */
  let timed = false;
  /** Shared by all calls of one bucket. */
  let admission: Admission;

  function begin(time: number): void {
    generation += 1;
    counts.clear();
    counts.age = 0;
    since = time;
    until = state === "closed" ? time + periodMs : state === "open" ? time + timeoutMs : Infinity;
    timed = until < Infinity;
    admission = admissionOf(generation, 0);
  }

  function change(to: BreakerState, time: number): void {
    const from = state;
    state = to;
    begin(time);
    tell({ name, from, to });
  }

  /** Lets time pass. A look at the clock costs as much as all the rest, so there is none while nothing hangs on it. */
  function look(): void {
    if (timed) pass(now());
  }

  function pass(time: number): void {
    if (time < until) return;
    if (state === "open") change("half-open", time);
    else if (!rolls) begin(time);
    else {
      const age = Math.floor((time - since) / periodMs);
      counts.grow(age);
      until = since + (age + 1) * periodMs;
      admission = admissionOf(generation, age);
    }
  }

  function admissionOf(mine: number, age: number): Admission {
    const bucket = rolls ? counts.bucket(age) : undefined;

    function stillCounts(): boolean {
      look();
      return generation === mine && (!rolls || counts.has(age));
    }

    function succeeded<Response>(response: Response): Response {
      if (stillCounts()) {
        total.succeeded();
        bucket?.succeeded();
        if (state === "half-open" && total.consecutiveSuccesses >= maxRequests) change("closed", now());
      }
      return response;
    }

    return {
      succeeded,
      failed(error) {
        if (succeeds(error)) succeeded(undefined);
        else if (stillCounts()) {
          total.failed();
          bucket?.failed();
          if (state === "half-open" || trips(total.copy())) change("open", now());
        }
      },
      excluded() {
        if (!stillCounts()) return;
        total.totalExclusions += 1;
        if (bucket !== undefined) bucket.totalExclusions += 1;
      },
    };
  }

  function admit(): Admission | undefined {
    look();
    if (state !== "closed" && (state === "open" || total.requests - total.totalExclusions >= maxRequests)) {
      return undefined;
    }
    total.requests += 1;
    if (rolls) counts.bucket(counts.age).requests += 1;
    return admission;
  }

  const isOpen = openRefusal("circuit breaker is open", () => (state === "open" ? until - now() : 0));
  begin(now());

  return circuitBreaker<GobreakerCounts>(
    {
      name,
      admit,
      refusal: () => (state === "open" ? isOpen : tooManyRequests),
      get state() {
        look();
        return state;
      },
      get counts() {
        look();
        return total.copy();
      },
    },
    isExcluded,
  );
}
