/** What a wrong option is answered with, e.g. `backoff: factor must be a number of at least 1, got "2"`. */
export function optionError(option: string, expected: string, got: unknown): TypeError {
  const shown =
    typeof got === "string" ? JSON.stringify(got) : typeof got === "number" ? got : got === null ? "null" : typeof got;
  return new TypeError(`${option} must be ${expected}, got ${shown}`);
}

/** Whether an option is a number in its range. */
export function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && value >= min && value <= max;
}

/** The longest delay that `setTimeout` takes, in ms; beyond, it fires at once. */
const longestDelayMs = 2 ** 31 - 1;

/** @throws {TypeError} unless the option is something to set a timer to. */
export function requireDelay(option: string, value: unknown): void {
  if (!isWithin(value, Number.MIN_VALUE, longestDelayMs)) {
    throw optionError(option, `a positive number of at most ${longestDelayMs} ms`, value);
  }
}
