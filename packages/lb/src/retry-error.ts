import { codeOf, isKitError, refusal } from "@kit/endpoint";

/**
 * All attempts at a call have failed. Its text is that of the final error and, in brackets, of those before.
 *
 * It is a `KitError` with the code, the details and the `retryAfterMs` of `final`, except when that is a plain error: then it is one too, so
 * that its text stays in this process. The text of a `KitError` may go to a remote caller, so there a plain error is given as its code only.
 *
 * @see go-kit sd/lb/retry.go, RetryError
 */
export interface RetryError extends Error {
  readonly name: "RetryError";
  /** What each attempt failed with, in order. */
  readonly errors: readonly unknown[];
  /** What the call failed with: the last attempt's error, what the callback put in its place, or the context's. */
  readonly final: unknown;
}

/** Marks a {@link RetryError} for all copies of this package. */
const brand = Symbol.for("@kit/lb/RetryError");

/** Whether the value is a {@link RetryError}, of this copy of the package or another. */
export function isRetryError(value: unknown): value is RetryError {
  return (value as Record<symbol, unknown> | null | undefined)?.[brand] === true;
}

/** @param earlier - how many of the errors came before the final one. */
export function retryError(errors: readonly unknown[], final: unknown, earlier: number): RetryError {
  const code = codeOf(final);
  const plain = code === "unknown" && !isKitError(final);
  const say = (error: unknown): string => (plain || isKitError(error) ? messageOf(error) : codeOf(error));
  const previously = errors.slice(0, earlier).map(say).join("; ");
  const message = previously === "" ? say(final) : `${say(final)} (previously: ${previously})`;
  const { details, retryAfterMs } = isKitError(final) ? final : {};
  const error = plain
    ? new Error(message, { cause: final })
    : refusal(code, message, {
        cause: final,
        details,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
        notSent: errors.every((one) => isKitError(one) && one.notSent === true),
      });
  Object.defineProperty(error, brand, { value: true });
  return Object.assign(error, { name: "RetryError" as const, errors, final });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
