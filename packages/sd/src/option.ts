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
const longestMs = 2 ** 31 - 1;

/**
 * @param min - without it any positive number will do.
 * @throws {TypeError} unless the option is something to set a timer to.
 */
export function requireMs(option: string, value: unknown, min?: number, max: number = longestMs): void {
  if (isWithin(value, min ?? Number.MIN_VALUE, max)) return;
  throw optionError(
    option,
    min === undefined ? `a positive number up to ${max}` : `a number from ${min} to ${max}`,
    value,
  );
}

/** @throws {TypeError} unless the option is a string that says something. */
export function requireText(option: string, value: unknown): void {
  if (typeof value !== "string" || value === "") throw optionError(option, "a string that is not empty", value);
}

/** @throws {TypeError} unless the option is a name that can be part of a path or an id as it is. */
export function requireName(option: string, value: unknown): void {
  if (typeof value === "string" && /^[A-Za-z0-9][\w.-]{0,127}$/.test(value)) return;
  const rule = "up to 128 letters, digits, dots, dashes and underscores, beginning with a letter or a digit";
  throw optionError(option, rule, value);
}
