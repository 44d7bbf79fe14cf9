// For services.
export type { Counter, Gauge, Histogram, HistogramOptions, InstrumentOptions, Labels, Metrics } from "./metrics.ts";
export { measured, type MeasuredOptions } from "./measured.ts";
export { timer, type Timer, type TimerOptions } from "./timer.ts";
export { multiCounter, multiGauge, multiHistogram, multiMetrics } from "./multi.ts";
export { discardMetrics } from "./discard.ts";
export { memoryMetrics, type MemoryMetrics, type MemoryMetricsOptions, type MemorySeries } from "./memory.ts";
export type { Distribution } from "./distribution.ts";

// For adapters.
export {
  type Backend,
  type CounterSeries,
  type GaugeSeries,
  type HistogramSeries,
  metricsFrom,
  type OpenSeries,
} from "./backend.ts";
