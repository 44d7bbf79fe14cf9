export { prometheusMetrics, type PrometheusMetricsOptions, type SummaryOptions } from "./prometheus.ts";
export {
  metricsPage,
  type MetricsPage,
  prometheusHandler,
  type PrometheusHandler,
  type PrometheusHandlerOptions,
} from "./page.ts";
