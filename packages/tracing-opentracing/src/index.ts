export { spanId, spanOf, traceId, withSpan } from "./parent.ts";
export { extractTrace, type ExtractTraceOptions, injectTrace, type InjectTraceOptions } from "./propagation.ts";
export { traced, type TracedOptions } from "./traced.ts";
