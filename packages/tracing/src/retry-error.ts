import { textOf } from "./text-of.ts";

/** As `@kit/lb` makes them. */
interface RetryError {
  readonly name: "RetryError";
  readonly errors: readonly unknown[];
  readonly final: unknown;
}

function isRetryError(error: unknown): error is RetryError {
  const { name, errors } = (error ?? {}) as Partial<RetryError>;
  return name === "RetryError" && Array.isArray(errors);
}

/** What each attempt of a `RetryError` failed with, by go-kit's names: `gokit.retry.error.1` and so on. Of any other error there is nothing. */
export function retriesOf(error: unknown): Record<string, string> {
  const retries: Record<string, string> = {};
  if (!isRetryError(error)) return retries;
  for (const [index, one] of error.errors.entries()) retries[`gokit.retry.error.${index + 1}`] = textOf(one);
  return retries;
}

/** What a `RetryError` failed with in the end; any other error itself. */
export function finalOf(error: unknown): unknown {
  return isRetryError(error) ? error.final : error;
}
