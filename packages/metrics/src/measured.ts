import { type AnyMiddleware, callInfo, type Code, codeOf, type Context, failureOf } from "@kit/endpoint";
import type { Gauge, Histogram, Metrics } from "./metrics.ts";

/** The description of a method that `implement` hands to its middleware fits as it is. */
export interface MeasuredOptions {
  /** The `service` label. @default what `callInfo` in the context says, else none */
  readonly service?: string;
  /** The `method` label. @default what `callInfo` in the context says, else none */
  readonly name?: string;
  /** Put before both names as it is; `client_` where one process serves and calls. @default "" */
  readonly prefix?: string;
  /** Of the histogram, in seconds. @default the backend's own */
  readonly buckets?: readonly number[];
  /** The clock, in ms; better one that never jumps. @default performance.now */
  readonly now?: () => number;
}

/** How a call ended: well, with a response that says it failed, or with an error of that code. */
type Outcome = "ok" | "failure" | Code;

/**
 * Measures each call (rate, errors, duration) in two instruments:
 *
 * - histogram `<prefix>request_duration_seconds{service, method, code}`. `code` is `ok`, `failure` for a response that carries a
 *   business failure (a `Failer`), else the code of the error. Its count is the number of calls.
 * - gauge `<prefix>requests_in_flight{service, method}`. A call ends when its promise settles, so a stream counts until it is opened.
 *
 * @example
 * const endpoints = implement(Add, handlers, (method) => measured(metrics, method));
 * @see go-kit examples addsvc/pkg/addendpoint/middleware.go, which has the label `success` instead
 */
export function measured(metrics: Metrics, options: MeasuredOptions = {}): AnyMiddleware {
  const { service, name, prefix = "", buckets, now = () => performance.now() } = options;
  const durations = metrics.histogram(`${prefix}request_duration_seconds`, {
    help: "Duration of calls in seconds, by outcome.",
    labels: ["service", "method", "code"],
    unit: "seconds",
    ...(buckets !== undefined && { buckets }),
  });
  const inFlight = metrics.gauge(`${prefix}requests_in_flight`, {
    help: "Calls that have begun and not ended.",
    labels: ["service", "method"],
  });

  return (next) => {
    const told = service !== undefined && name !== undefined;
    // An endpoint is nearly always called under one name, so the last one is kept and no other.
    let current = new MeasuredMethod(durations, inFlight, service ?? "", name ?? "");
    const methodOf = (ctx: Context): MeasuredMethod => {
      const info = ctx.get(callInfo);
      const calledService = service ?? info?.service ?? "";
      const calledName = name ?? info?.method ?? "";
      if (current.service !== calledService || current.name !== calledName) {
        current = new MeasuredMethod(durations, inFlight, calledService, calledName);
      }
      return current;
    };

    return (request, ctx) => {
      const method = told ? current : methodOf(ctx);
      const start = now();
      method.inFlight.add(1);
      try {
        return next(request, ctx).then(
          (response) => {
            method.ended(outcomeOf(response), now() - start, ctx);
            return response;
          },
          (error: unknown) => {
            method.ended(codeOf(error), now() - start, ctx);
            throw error;
          },
        );
      } catch (error) {
        // No endpoint should throw at once, but one that does must not count as in flight for ever.
        method.ended(codeOf(error), now() - start, ctx);
        throw error;
      }
    };
  };
}

/** The series of one method, those by outcome looked up when first needed. */
class MeasuredMethod {
  readonly service: string;
  readonly name: string;
  readonly inFlight: Gauge;
  readonly #durations: Histogram;
  readonly #byOutcome = new Map<Outcome, Histogram>();

  constructor(durations: Histogram, inFlight: Gauge, service: string, name: string) {
    this.service = service;
    this.name = name;
    this.inFlight = inFlight.with({ service, method: name });
    this.#durations = durations.with({ service, method: name });
  }

  ended(outcome: Outcome, ms: number, ctx: Context): void {
    this.inFlight.add(-1);
    let durations = this.#byOutcome.get(outcome);
    if (durations === undefined) {
      durations = this.#durations.with({ code: outcome });
      this.#byOutcome.set(outcome, durations);
    }
    durations.observe(Math.max(0, ms) / 1000, ctx);
  }
}

function outcomeOf(response: unknown): Outcome {
  try {
    return failureOf(response) === undefined ? "ok" : "failure";
  } catch {
    return "failure";
  }
}
