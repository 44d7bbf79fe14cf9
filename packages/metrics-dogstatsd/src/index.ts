export { dogstatsdMetrics, type DogstatsdMetricsOptions, type HistogramType } from "./dogstatsd.ts";
