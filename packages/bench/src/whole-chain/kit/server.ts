import { createServer } from "node:http";
import { type AnyMiddleware, chain } from "@kit/endpoint";
import { bind, logged } from "@kit/log";
import { pinoLogger } from "@kit/log-pino";
import { measured } from "@kit/metrics";
import { prometheusHandler, prometheusMetrics } from "@kit/metrics-prometheus";
import { erroringLimiter, tokenBucket } from "@kit/ratelimit";
import { fileRegistrar } from "@kit/sd-file";
import { implement, type Method } from "@kit/service";
import { extractTrace, traced, traceId } from "@kit/tracing-otel";
import { serveHttp } from "@kit/transport-http";
import { Registry } from "prom-client";
import { Sum } from "../contract.ts";
import { ratePerSecond } from "../job.ts";
import { listen } from "../listen.ts";
import { openLog } from "../log.ts";
import { openTracer } from "../tracing.ts";

/** Serves as one of several instances, everything on. */
export async function serveSum(place: string): Promise<void> {
  const logger = bind(pinoLogger({ logger: openLog() }), { trace_id: traceId });
  const tracer = openTracer();
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  const limit = erroringLimiter(tokenBucket({ ratePerSecond, burst: ratePerSecond }));
  const wrap = (method: Method): AnyMiddleware =>
    chain(measured(metrics, method), traced(tracer, method), logged(logger), limit);

  const endpoints = implement(Sum, { sum: async ({ a, b }) => ({ v: a + b }) }, wrap);
  const handler = serveHttp(Sum, endpoints, { before: [extractTrace()], otherwise: prometheusHandler(registry) });
  const address = await listen(createServer(handler));
  await fileRegistrar({ directory: place, service: Sum.name, instance: { address } }).register();
}
