export { type Hystrix, hystrix, type HystrixOptions } from "./hystrix.ts";
export type { HystrixCounts } from "./counts.ts";
export { type HystrixStream, hystrixStream, type HystrixStreamOptions } from "./hystrix-stream.ts";
export type { HystrixEvent } from "./dashboard-events.ts";
