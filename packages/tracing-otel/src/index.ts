export { otelContext, spanId, spanOf, traceId, withSpan } from "./otel-context.ts";
export { extractTrace, type ExtractTraceOptions, injectTrace, type InjectTraceOptions } from "./propagation.ts";
export { traceContext } from "./trace-context.ts";
export { traced, type TracedOptions } from "./traced.ts";
