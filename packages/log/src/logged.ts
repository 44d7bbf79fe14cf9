import { type AnyMiddleware, callInfo, codeOf, codes, type Context, failureOf } from "@kit/endpoint";
import { bind } from "./bind.ts";
import { error, info, warn } from "./levels.ts";
import type { Fields, Logger } from "./logger.ts";

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
  // Bound once, which a sink may serialise once.
  const told = Object.entries({ service, method: name, transport }).filter(([, value]) => value !== undefined);
  const bound = bind(logger, Object.fromEntries(told));
  const at = { info: info(bound), warn: warn(bound), error: error(bound) };

  const record = (level: keyof typeof at, ctx: Context, start: number, outcome?: Fields): void => {
    if (logger.enabled?.(level) === false) return;
    const call = ctx.get(callInfo);
    const fields: Record<string, unknown> = {};
    if (service === undefined) fields["service"] = call?.service;
    if (name === undefined) fields["method"] = call?.method;
    if (transport === undefined) fields["transport"] = call?.transport;
    fields["took_ms"] = Math.round((now() - start) * 1000) / 1000;
    for (const key in outcome) fields[key] = outcome[key];
    at[level].log(fields, ctx);
  };

  return (next) => (request, ctx) => {
    const start = now();
    const failed = (cause: unknown): never => {
      const code = codeOf(cause);
      record(codes[code].http < 500 ? "warn" : "error", ctx, start, { code, transport_error: cause });
      throw cause;
    };
    try {
      return next(request, ctx).then((response) => {
        const failure = failureIn(response);
        record("info", ctx, start, failure === undefined ? undefined : { business_error: failure });
        return response;
      }, failed);
    } catch (cause) {
      // An endpoint that is no async function may throw before it has a promise.
      return failed(cause);
    }
  };
}

/** A response whose `failed` throws must not fail the call that it answers. */
function failureIn(response: unknown): unknown {
  try {
    return failureOf(response);
  } catch (cause) {
    return cause;
  }
}
