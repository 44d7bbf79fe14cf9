import type { AnyMiddleware } from "@kit/endpoint";

/** `closed` lets calls through, `open` refuses them, `half-open` lets a few through to see how they fare. */
export type BreakerState = "closed" | "half-open" | "open";

/** A breaker went from one state to another. */
export interface StateChange {
  /** The breaker's name. */
  readonly name: string;
  readonly from: BreakerState;
  readonly to: BreakerState;
}

/**
 * A circuit breaker. It is a middleware itself: what it wraps shares its state, so wrap with one breaker what fails together.
 *
 * There is no timer: a breaker whose time has come changes its state when a call comes or when somebody looks.
 */
export interface Breaker<Counts = unknown> extends AnyMiddleware {
  /** Says in changes of state and in metrics which breaker this is. */
  readonly name: string;
  readonly state: BreakerState;
  /** What it has counted, a copy. */
  readonly counts: Counts;
}

/** A breaker for work that is not an endpoint: asks first, is told the outcome later. */
export interface TwoStepBreaker<Counts = unknown> extends Breaker<Counts> {
  /**
   * Lets a call through.
   *
   * @returns tells the breaker the outcome: the call's error, or nothing if it succeeded. Call it once, whatever happens; a second time
   *   does nothing.
   * @throws {KitError} `unavailable` when the call is refused.
   */
  allow(): (error?: unknown) => void;
}
