import { isWithin, optionError, requireMs } from "./option.ts";

/** How long to wait before trying again, in ms: `attempt` is 0 for the first wait and counts up; after a success start at 0 again. */
export type Backoff = (attempt: number) => number;

export interface BackoffOptions {
  /** The longest first wait, in ms. */
  readonly baseMs: number;
  /** No wait is longer, in ms. At least `baseMs`. */
  readonly maxMs: number;
  /** How many times longer each wait may be than the one before. At least 1. @default 2 */
  readonly factor?: number;
  /**
   * The share of a wait that is left to chance, from 0 (none) to 1 (all of it: "full jitter"), so that those who failed together do
   * not come back together. @default 0.5, which keeps a floor under each wait
   */
  readonly jitter?: number;
  /** A number from 0 to below 1. @default Math.random */
  readonly random?: () => number;
}

/**
 * Makes an exponential backoff with jitter: wait `n` lies between `(1 - jitter) * d` and `d`, where `d` is `baseMs * factor ** n`, at
 * most `maxMs`.
 *
 * It keeps no state, so one serves any number of callers, each counting its own failures. The jitter comes after the cap; go-kit's comes
 * before it, so that most of its waits end up at the cap exactly, all at the same time.
 *
 * @throws {TypeError} when an option is out of its range.
 * @see go-kit util/conn/manager.go, Exponential
 */
export function backoff(options: BackoffOptions): Backoff {
  const { baseMs, maxMs, factor = 2, jitter = 0.5, random = Math.random } = options;
  requireMs("backoff: baseMs", baseMs);
  requireMs("backoff: maxMs", maxMs);
  if (maxMs < baseMs) throw optionError("backoff: maxMs", `at least baseMs (${baseMs})`, maxMs);
  if (!isWithin(factor, 1, Infinity)) throw optionError("backoff: factor", "a number of at least 1", factor);
  if (!isWithin(jitter, 0, 1)) throw optionError("backoff: jitter", "a number from 0 to 1", jitter);
  return (attempt) => Math.min(maxMs, baseMs * factor ** attempt) * (1 - jitter * random());
}
