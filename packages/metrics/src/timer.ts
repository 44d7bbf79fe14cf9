import type { Histogram } from "./metrics.ts";

const perMs = { seconds: 1e-3, milliseconds: 1, microseconds: 1e3, nanoseconds: 1e6 } as const;

export interface TimerOptions {
  /** What the histogram is in. @default "seconds", the base unit of Prometheus and OpenTelemetry */
  readonly unit?: keyof typeof perMs;
  /** The clock, in ms; better one that never jumps. @default performance.now */
  readonly now?: () => number;
}

/** A running timer: `using t = timer(durations)` observes at the end of the block, whichever way it is left. */
export interface Timer extends Disposable {
  /** Observes the time since the timer was made; once, a second time does nothing. A clock that ran backwards counts as 0. */
  observe(): void;
}

/**
 * Starts timing something that will be one observation of `histogram`.
 *
 * @throws {TypeError} when `unit` is none of those known.
 * @see go-kit metrics/timer.go
 */
export function timer(histogram: Histogram, options: TimerOptions = {}): Timer {
  const { unit = "seconds", now = () => performance.now() } = options;
  if (!Object.hasOwn(perMs, unit)) {
    throw new TypeError(`timer: unit must be one of ${Object.keys(perMs).join(", ")}, got ${unit}`);
  }
  const start = now();
  let running = true;
  const observe = (): void => {
    if (!running) return;
    running = false;
    histogram.observe(Math.max(0, now() - start) * perMs[unit]);
  };
  return { observe, [Symbol.dispose]: observe };
}
