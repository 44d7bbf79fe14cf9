// For tracing adapters: the span of a call, and what it tells.
export { attemptOf } from "./attempt.ts";
export type { CallSpan } from "./call-span.ts";
export { inSpan } from "./in-span.ts";
export { businessError, retryAttempt } from "./names.ts";
export { finalOf, retriesOf } from "./retry-error.ts";
export { textOf } from "./text-of.ts";

// For tracing adapters: the method that it is of.
export {
  type CalledMethod,
  calledMethod,
  type CalledMethodOptions,
  type TracedMethodOptions,
} from "./called-method.ts";

// For tracing adapters: what their hooks work on, and what hears of faults.
export type { Incoming, Outgoing } from "./messages.ts";
export { asked, type OnError, tell } from "./on-error.ts";
