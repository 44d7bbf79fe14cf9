export type { Breaker, BreakerState, StateChange, TwoStepBreaker } from "./breaker.ts";
export { causedByCaller } from "./caused-by-caller.ts";
export { type Addressed, type InstanceBreakers, perInstance, type PerInstanceOptions } from "./per-instance.ts";
export { guardClient } from "./guard-client.ts";
// For breakers.
export { type Admission, type Circuit, circuitBreaker, type IsExcluded, withMembers } from "./circuit.ts";
export { openRefusal } from "./open-refusal.ts";
export { guarded } from "./guarded.ts";
