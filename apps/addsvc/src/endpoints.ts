import { type AnyMiddleware, chain } from "@kit/endpoint";
import { type Logger, logged } from "@kit/log";
import { measured, type Metrics } from "@kit/metrics";
import { erroringLimiter, type TokenBucketOptions, tokenBucket } from "@kit/ratelimit";
import { type EndpointsOf, implement, type Method } from "@kit/service";
import { Add } from "./contract.ts";
import type { AddService } from "./service.ts";

/** What every method is wrapped in, on an instance as on the gateway. */
export interface Wrapping {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How much each method takes. */
  readonly limits: Readonly<Record<keyof AddService, TokenBucketOptions>>;
}

/** The endpoints of a service: measured outermost, then logged, then limited, as in go-kit's addsvc. */
export function addEndpoints(service: AddService, { logger, metrics, limits }: Wrapping): EndpointsOf<typeof Add> {
  const wrap = (method: Method): AnyMiddleware =>
    chain(
      measured(metrics, { service: method.service, name: method.name, prefix: "example_addsvc_" }),
      logged(logger),
      erroringLimiter(tokenBucket(limits[method.name as keyof AddService])),
    );
  return implement(Add, service, wrap);
}
