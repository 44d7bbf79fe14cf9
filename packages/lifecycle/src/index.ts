export type { Actor, Phase } from "./actor.ts";
export { type Check, health, type Health, type HealthOptions, type HealthReport } from "./health.ts";
export { type GroupEnd, runGroup, type RunGroupOptions, type SignalSource, type StopError } from "./run-group.ts";
