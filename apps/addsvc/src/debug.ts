import type { AnyMiddleware } from "@kit/endpoint";
import type { Health, HealthReport } from "@kit/lifecycle";
import { prometheusHandler } from "@kit/metrics-prometheus";
import { defineService, implement } from "@kit/service";
import { extractTrace, traced } from "@kit/tracing-otel";
import { type HttpHandler, serveHttp } from "@kit/transport-http";
import type { Registry } from "prom-client";
import { z } from "zod";
import { History, history } from "./history.ts";
import { type Live, liveHandler } from "./live.ts";
import { type TraceStore, Traces } from "./traces.ts";
import type { Tracing } from "./tracing.ts";

const report = z.custom<HealthReport>();

const Debug = defineService("debug", {
  liveness: { request: z.unknown(), response: report, http: "GET /healthz" },
  readiness: { request: z.unknown(), response: report, http: "GET /readyz" },
});

/** What the debug address has to show. */
export interface Shown {
  readonly probes: Health;
  readonly registry: Registry;
  readonly tracing: Tracing;
  readonly traces: TraceStore;
  readonly live: Live;
}

/** What operators look at: the live page, `/healthz`, `/readyz`, `/traces` and `/history`, and `/metrics` everywhere else. */
export function debugHandler({ probes, registry, tracing, traces, live }: Shown): HttpHandler {
  const { liveness, readiness } = probes;
  const wrap = (method: object): AnyMiddleware => traced(tracing.tracer, method);
  const metrics = liveHandler(live, prometheusHandler(registry));
  const recorded = serveHttp(History, implement(History, history(), wrap), {
    before: [extractTrace()],
    otherwise: metrics,
  });
  const collected = serveHttp(Traces, traces, { otherwise: recorded });
  return serveHttp(Debug, { liveness, readiness }, { otherwise: collected });
}
