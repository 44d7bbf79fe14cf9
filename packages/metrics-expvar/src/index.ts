export { type ExpvarMetrics, expvarMetrics, type ExpvarMetricsOptions } from "./expvar.ts";
export { expvarHandler, type ExpvarHandler, type ExpvarHandlerOptions } from "./handler.ts";
export { cmdline, memstats } from "./process-vars.ts";
