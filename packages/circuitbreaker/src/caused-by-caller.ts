import { codeOf, codes, type Context } from "@kit/endpoint";

/**
 * Whether an error says nothing against the callee, so that a breaker should not count it. These do not count:
 *
 * - errors that blame the caller, which are those that HTTP has a 4xx for (`canceled`, `invalid_argument`, `not_found`, `already_exists`,
 *   `permission_denied`, `unauthenticated`, `failed_precondition`, `out_of_range`, `aborted`, `resource_exhausted`), and `unimplemented`. A
 *   limit that refuses is a callee at work: opening would turn some calls refused into all;
 * - what a call's context was cancelled with, whatever its code.
 *
 * These count: `unknown` (any error that is no `KitError`), `deadline_exceeded` (the callee was too slow), `internal`, `unavailable` and
 * `data_loss`.
 *
 * @param ctx - the call's.
 */
export function causedByCaller(error: unknown, ctx: Context): boolean {
  const code = codeOf(error);
  if (codes[code].http < 500 || code === "unimplemented") return true;
  return code !== "deadline_exceeded" && error !== undefined && error === ctx.cancelled;
}
