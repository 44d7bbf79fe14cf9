import { type AnyMiddleware, chain } from "@kit/endpoint";
import { type Logger, logged } from "@kit/log";
import { measured, type Metrics } from "@kit/metrics";
import { erroringLimiter } from "@kit/ratelimit";
import { type EndpointsOf, implement, type Method } from "@kit/service";
import type { Tracer } from "@opentelemetry/api";
import { Add } from "./contract.ts";
import { traced } from "@kit/tracing-otel";
import type { AddService } from "./service.ts";
import type { Limits } from "./settings.ts";

/** What every method is wrapped in, on an instance as on the gateway. */
export interface Wrapping {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly limits: Limits;
}

/** The endpoints of a service: measured outermost, then traced, so that the log has the trace's id, then logged, then limited. */
export function addEndpoints(
  service: AddService,
  { logger, metrics, tracer, limits }: Wrapping,
): EndpointsOf<typeof Add> {
  const wrap = (method: Method): AnyMiddleware =>
    chain(
      measured(metrics, { service: method.service, name: method.name, prefix: "example_addsvc_" }),
      traced(tracer, method),
      logged(logger),
      erroringLimiter(limits[method.name as keyof AddService]),
    );
  return implement(Add, service, wrap);
}
