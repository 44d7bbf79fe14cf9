import type { Health, HealthReport } from "@kit/lifecycle";
import { defineService } from "@kit/service";
import { type HttpHandler, serveHttp } from "@kit/transport-http";
import { z } from "zod";

const report = z.custom<HealthReport>();

const Probes = defineService("probes", {
  liveness: { request: z.unknown(), response: report, http: "GET /healthz" },
  readiness: { request: z.unknown(), response: report, http: "GET /readyz" },
});

/** What orchestrators look at: `/healthz` and `/readyz`. */
export function healthHandler({ liveness, readiness }: Health): HttpHandler {
  return serveHttp(Probes, { liveness, readiness });
}
