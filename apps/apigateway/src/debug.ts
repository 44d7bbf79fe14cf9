import type { Health, HealthReport } from "@kit/lifecycle";
import { prometheusHandler } from "@kit/metrics-prometheus";
import { defineService } from "@kit/service";
import { type OtherHandler, serveHttp } from "@kit/transport-http";
import type { Registry } from "prom-client";
import { z } from "zod";
import { debugPage } from "./debug-page.ts";
import type { TraceReport } from "./recent-traces.ts";

/** What the page shows. */
export interface GatewayState {
  /** Their addresses, by service. */
  readonly instances: Readonly<Record<string, readonly string[]>>;
  readonly traces: readonly TraceReport[];
}

const report = z.custom<HealthReport>();

const Debug = defineService("debug", {
  liveness: { request: z.unknown(), response: report, http: "GET /healthz" },
  readiness: { request: z.unknown(), response: report, http: "GET /readyz" },
  state: { request: z.unknown(), response: z.custom<GatewayState>(), http: "GET /debug/state" },
});

/** What operators look at: `/debug`, `/healthz`, `/readyz`, and `/metrics` everywhere else. */
export function debugHandler(
  { liveness, readiness }: Health,
  registry: Registry,
  state: () => GatewayState,
): OtherHandler {
  const metrics = prometheusHandler(registry);
  return serveHttp(
    Debug,
    { liveness, readiness, state: async () => state() },
    {
      otherwise(request, response) {
        if (request.url === "/" || request.url === "/debug")
          response.writeHead(200, debugPage.headers).end(debugPage.html);
        else metrics(request, response);
      },
    },
  );
}
