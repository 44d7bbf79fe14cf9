import { type ClientOf, implement, type Service } from "@kit/service";
import { tokenBucket } from "@kit/ratelimit";
import { traced } from "@kit/tracing-otel";
import { SpanKind, type Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-node";
import type { Flag } from "./flags.ts";

export const tracingFlags = {
  "otlp-url": { value: "", help: "a collector for traces, such as http://127.0.0.1:4318/v1/traces" },
} satisfies Record<string, Flag>;

/** The traces of one process. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** How many traces begin a second, and as many at once: each call of a person's is one, and a load test does not drown the collector. */
const ratePerSecond = 20;

/** How long spans wait to be sent together, in ms, and how long sending may take, also at the end. */
const [scheduledDelayMillis, timeoutMillis] = [300, 1_000];

/**
 * @param name - what the traces call this process.
 * @param url - where the spans go; asked when there are some. Without it a trace that a caller has begun passes through, and no more.
 */
export function startTracing(name: string, url: (() => string) | undefined): Tracing {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": name }),
    sampler: new ParentBasedSampler({ root: atMost(ratePerSecond) }),
    spanProcessors:
      url === undefined
        ? []
        : [new BatchSpanProcessor(exporterTo(url), { scheduledDelayMillis, exportTimeoutMillis: timeoutMillis })],
  });
  return { tracer: provider.getTracer("addsvc"), close: () => provider.shutdown().catch(() => {}) };
}

/** The same client, with a span around each call. */
export function tracedClient<S extends Service>(
  { tracer }: Tracing,
  service: S,
  transport: string,
  client: ClientOf<S>,
): ClientOf<S> {
  const wrap = (method: { readonly service: string; readonly name: string }) =>
    traced(tracer, { service: method.service, name: method.name, transport, kind: SpanKind.CLIENT });
  const close = { [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
  return Object.assign(Object.create(close), implement(service, client, wrap));
}

function atMost(rate: number): Sampler {
  const bucket = tokenBucket({ ratePerSecond: rate, burst: rate });
  return {
    shouldSample: () => ({
      decision: bucket.allow() ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
    }),
    toString: () => `at most ${rate} a second`,
  };
}

/** The demo's own collector is on a port that is only known when it listens. */
function exporterTo(url: () => string): SpanExporter {
  let exporter: OTLPTraceExporter | undefined;
  return {
    export(spans, done) {
      exporter ??= new OTLPTraceExporter({ url: url(), timeoutMillis });
      exporter.export(spans, done);
    },
    shutdown: async () => exporter?.shutdown(),
  };
}
