import type { Health, HealthReport } from "@kit/lifecycle";
import { prometheusHandler } from "@kit/metrics-prometheus";
import { defineService } from "@kit/service";
import { type HttpHandler, serveHttp } from "@kit/transport-http";
import type { Registry } from "prom-client";
import { z } from "zod";

const report = z.custom<HealthReport>();

const Debug = defineService("debug", {
  liveness: { request: z.unknown(), response: report, http: "GET /healthz" },
  readiness: { request: z.unknown(), response: report, http: "GET /readyz" },
});

/** What operators look at: `/healthz`, `/readyz`, and `/metrics` everywhere else. */
export function debugHandler({ liveness, readiness }: Health, registry: Registry): HttpHandler {
  return serveHttp(Debug, { liveness, readiness }, { otherwise: prometheusHandler(registry) });
}
