export { pcpMetrics, type PcpMetricsOptions } from "./pcp.ts";
