import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import { type AnyMiddleware, background, chain } from "@kit/endpoint";
import { balancedClient, type RetryOptions } from "@kit/lb";
import { bind, logged } from "@kit/log";
import { pinoLogger } from "@kit/log-pino";
import { measured } from "@kit/metrics";
import { prometheusMetrics } from "@kit/metrics-prometheus";
import { erroringLimiter, tokenBucket } from "@kit/ratelimit";
import { firstInstances, type Instance } from "@kit/sd";
import { fileInstancer } from "@kit/sd-file";
import { type ClientOf, implement, type Method } from "@kit/service";
import { injectTrace, traced, traceId } from "@kit/tracing-otel";
import { connectHttp } from "@kit/transport-http";
import { SpanKind } from "@opentelemetry/api";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { Sum } from "../contract.ts";
import { failures, openMs, ratePerSecond } from "../job.ts";
import { openTracer } from "../tracing.ts";

/** What differs from one use to another. */
export interface SumClientOptions {
  readonly place: string;
  readonly log: Logger;
  readonly retry: RetryOptions;
  /** Around each attempt, innermost. */
  readonly attempt?: AnyMiddleware;
}

/** A client with everything on. Resolves when it knows an instance. */
export async function connectSum({
  place,
  log,
  retry,
  attempt = (next) => next,
}: SumClientOptions): Promise<ClientOf<typeof Sum>> {
  const logger = bind(pinoLogger({ logger: log }), { trace_id: traceId });
  const tracer = openTracer();
  const metrics = prometheusMetrics({ registry: new Registry(), prefix: "client_" });
  const limit = erroringLimiter(tokenBucket({ ratePerSecond, burst: ratePerSecond }));
  const instances = fileInstancer({ directory: place, service: Sum.name });

  /** One instance's client: a span and the breaker around each attempt. */
  function connect({ address }: Instance): ClientOf<typeof Sum> {
    const client = connectHttp(Sum, { url: `http://${address}`, before: [injectTrace()] });
    const breaker = gobreaker({
      name: address,
      timeoutMs: openMs,
      readyToTrip: ({ consecutiveFailures }) => consecutiveFailures >= failures,
    });
    const wrap = ({ service, name }: Method): AnyMiddleware =>
      chain(traced(tracer, { service, name, transport: "http", kind: SpanKind.CLIENT }), breaker, attempt);
    return Object.assign(implement(Sum, client, wrap), {
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    });
  }

  const balanced = balancedClient(Sum, { instances, connect, retry });
  const wrap = ({ service, name }: Method): AnyMiddleware =>
    chain(
      measured(metrics, { service, name }),
      traced(tracer, { name, kind: SpanKind.INTERNAL }),
      logged(logger, { service, name, transport: "http" }),
      limit,
    );
  await firstInstances(instances, background.withTimeout(10_000));
  return Object.assign(implement(Sum, balanced, wrap), {
    async [Symbol.asyncDispose]() {
      await balanced[Symbol.asyncDispose]();
      await instances.close();
    },
  });
}
