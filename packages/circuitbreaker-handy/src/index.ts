export { type HandyBreaker, handyBreaker, type HandyBreakerOptions } from "./handy-breaker.ts";
export type { HandyCounts } from "./failure-rate.ts";
