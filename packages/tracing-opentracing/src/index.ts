export { spanId, spanOf, traceId, withSpan } from "./parent.ts";
export { extractTrace, type ExtractOptions, injectTrace, type InjectOptions } from "./propagation.ts";
export { traced, type TracedOptions } from "./traced.ts";
