// For services and their callers.
export { type ClientOf, defineService, type EndpointsOf, type MethodSpec, type Service } from "./service.ts";
export { type DeclaredError, declaredError } from "./declared-error.ts";
export type { DecodeIssue } from "./decode.ts";
export { implement } from "./implement.ts";
export { connectLocal, type LocalOptions } from "./local.ts";

// For transports.
export type { Method, Shape } from "./service.ts";
export { decoder } from "./decode.ts";
export { clientOf, connectedMethod, servedMethod, servedMethods } from "./method.ts";
export { until } from "./until.ts";
