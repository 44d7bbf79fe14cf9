import { EventEmitter } from "node:events";
import { type Code, type Context, isKitError, KitError } from "@kit/endpoint";

const codes: Partial<Record<number, Code>> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  429: "resource_exhausted",
};

/**
 * Makes one request, which ends with the context: the driver aborts it when the emitter that it was given says so. Consul's own words, which may
 * name nodes and tokens, stay in the cause.
 *
 * @throws {KitError} `invalid_argument`, `unauthenticated`, `permission_denied`, `not_found`, `resource_exhausted` as Consul's status says, or `unavailable`.
 */
export async function call<Result>(ctx: Context, request: (abort: EventEmitter) => Promise<Result>): Promise<Result> {
  const abort = new EventEmitter();
  const leave = ctx.onCancel(() => abort.emit("cancel"));
  try {
    return await request(abort);
  } catch (cause) {
    if (isKitError(cause)) throw cause;
    const { statusCode } = cause as { statusCode?: number };
    const what = statusCode === undefined ? "cannot be reached" : `answered ${statusCode}`;
    throw new KitError(codes[statusCode ?? 0] ?? "unavailable", `Consul ${what}`, { cause });
  } finally {
    leave();
  }
}
