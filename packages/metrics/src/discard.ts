import type { Counter, Gauge, Histogram, Metrics } from "./metrics.ts";

const counter: Counter = { with: () => counter, add() {} };
const gauge: Gauge = { with: () => gauge, set() {}, add() {} };
const histogram: Histogram = { with: () => histogram, observe() {} };

/**
 * Measures nothing and checks nothing: for where metrics are wanted but nobody looks.
 *
 * @see go-kit metrics/discard/discard.go
 */
export const discardMetrics: Metrics = {
  counter: () => counter,
  gauge: () => gauge,
  histogram: () => histogram,
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
};
