import { type AnyMiddleware, callInfo, codeOf, codes, type Context, failureOf } from "@kit/endpoint";
import { error, info, warn } from "./levels.ts";
import type { Logger } from "./logger.ts";

/** The description of a method that `implement` hands to its middleware fits as it is. */
export interface LoggedOptions {
  /** The field `service`. @default what `callInfo` in the context says. Tell a client: its context may still be that of the call it is a part of. */
  readonly service?: string;
  /** The field `method`. @default what `callInfo` in the context says */
  readonly name?: string;
  /** The field `transport`. @default what `callInfo` in the context says */
  readonly transport?: string;
  /** The clock, in ms from any start. @default performance.now, which no change of the system's time disturbs. */
  readonly now?: () => number;
}

/**
 * Logs one record for each call when it ends: `service`, `method`, `transport`, `took_ms`; the `business_error` that a response
 * carries; and if the call failed its `code` and `transport_error`. Nothing of the request or the response.
 *
 * The level is `info`; of a failed call `warn` if its code blames the caller, which are those that HTTP has a 4xx for, else `error`.
 *
 * @example
 * const endpoints = implement(Add, handlers, (method) => logged(logger, method));
 * @see go-kit/examples addsvc/pkg/addendpoint/middleware.go, LoggingMiddleware
 */
export function logged(logger: Logger, options: LoggedOptions = {}): AnyMiddleware {
  const { service, name, transport, now = () => performance.now() } = options;
  const at = { info: info(logger), warn: warn(logger), error: error(logger) };

  const record = (level: keyof typeof at, ctx: Context, start: number, outcome: Outcome): void => {
    if (logger.enabled?.(level) === false) return;
    const call = ctx.get(callInfo);
    at[level].log(
      {
        service: service ?? call?.service,
        method: name ?? call?.method,
        transport: transport ?? call?.transport,
        took_ms: Math.round((now() - start) * 1000) / 1000,
        business_error: outcome.businessError,
        code: outcome.code,
        transport_error: outcome.transportError,
      },
      ctx,
    );
  };

  return (next) => (request, ctx) => {
    const start = now();
    const failed = (cause: unknown): never => {
      const code = codeOf(cause);
      record(codes[code].http < 500 ? "warn" : "error", ctx, start, { code, transportError: cause });
      throw cause;
    };
    try {
      return next(request, ctx).then((response) => {
        record("info", ctx, start, { businessError: failureIn(response) });
        return response;
      }, failed);
    } catch (cause) {
      // An endpoint that is no async function may throw before it has a promise.
      return failed(cause);
    }
  };
}

interface Outcome {
  readonly businessError?: unknown;
  readonly code?: string;
  readonly transportError?: unknown;
}

/** A response whose `failed` throws must not fail the call that it answers. */
function failureIn(response: unknown): unknown {
  try {
    return failureOf(response);
  } catch (cause) {
    return cause;
  }
}
