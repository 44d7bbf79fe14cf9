export { otelMetrics, type OtelMetricsOptions } from "./otel.ts";
export { type Renaming, rpcDuration } from "./renaming.ts";
