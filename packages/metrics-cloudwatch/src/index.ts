export { type CloudwatchMetrics, cloudwatchMetrics, type CloudwatchMetricsOptions } from "./cloudwatch.ts";
