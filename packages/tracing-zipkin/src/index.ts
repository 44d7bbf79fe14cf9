export type { Span } from "./traced-span.ts";
export { idOf, spanId, spanOf, traceId, withId } from "./position.ts";
export { extractTrace, type ExtractTraceOptions, injectTrace, type InjectTraceOptions } from "./propagation.ts";
export { zipkinReporter, type ZipkinReporter, type ZipkinReporterOptions } from "./reporter.ts";
export { traced, type TracedOptions } from "./traced.ts";
