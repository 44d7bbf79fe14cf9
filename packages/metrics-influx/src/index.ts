export { influxMetrics, type InfluxMetricsOptions } from "./influx.ts";
export { influxStatsdMetrics, type InfluxStatsdMetricsOptions } from "./influx-statsd.ts";
