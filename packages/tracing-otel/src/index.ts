export { otelContext, spanId, spanOf, traceId, withSpan } from "./otel-context.ts";
export { extractTrace, injectTrace, type PropagationOptions } from "./propagation.ts";
export { traceContext } from "./trace-context.ts";
export { traced, type TracedOptions } from "./traced.ts";
