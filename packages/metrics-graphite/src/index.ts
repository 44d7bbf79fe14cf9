export { graphiteMetrics, type GraphiteMetricsOptions } from "./graphite.ts";
