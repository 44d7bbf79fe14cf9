import { type Hystrix, hystrixStream } from "@kit/circuitbreaker-hystrix";
import type { Health, HealthReport } from "@kit/lifecycle";
import { prometheusHandler } from "@kit/metrics-prometheus";
import { defineService } from "@kit/service";
import { type OtherHandler, serveHttp } from "@kit/transport-http";
import type { Registry } from "prom-client";
import { z } from "zod";
import { encodeShippingError } from "./errors.ts";

const report = z.custom<HealthReport>();

const Debug = defineService("debug", {
  liveness: { request: z.unknown(), response: report, http: "GET /healthz" },
  readiness: { request: z.unknown(), response: report, http: "GET /readyz" },
});

/** What operators look at: `/healthz`, `/readyz`, `/metrics`, and `/hystrix.stream` for a Hystrix dashboard. */
export function debugHandler({ liveness, readiness }: Health, registry: Registry, breaker: Hystrix): OtherHandler {
  const metrics = prometheusHandler(registry);
  const stream = hystrixStream([breaker]);
  const nowhere = serveHttp(defineService("shipping", {}), {}, { errorEncoder: encodeShippingError });
  return serveHttp(
    Debug,
    { liveness, readiness },
    {
      otherwise(request, response) {
        const [path] = request.url!.split("?", 1);
        if (path === "/metrics") metrics(request, response);
        else if (path === "/hystrix.stream") stream(request, response);
        else nowhere(request, response);
      },
    },
  );
}
