export { statsdMetrics, type StatsdMetricsOptions } from "./statsd.ts";
