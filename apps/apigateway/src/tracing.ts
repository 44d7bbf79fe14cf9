import type { Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace-node";

/** A tracer, and what it takes to be done with it. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left. */
  close(): Promise<void>;
}

/**
 * @param service - what the collector calls this process.
 * @param otlpUrl - the collector's, such as `http://127.0.0.1:4318/v1/traces`; `""` for none.
 * @param others - who else hears of spans.
 */
export function openTracing(service: string, otlpUrl: string, ...others: readonly SpanProcessor[]): Tracing {
  const exporters = otlpUrl === "" ? [] : [new BatchSpanProcessor(new OTLPTraceExporter({ url: otlpUrl }))];
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": service }),
    spanProcessors: [...others, ...exporters],
  });
  return { tracer: provider.getTracer("apigateway"), close: () => provider.shutdown() };
}
