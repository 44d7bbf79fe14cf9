// For services and their middlewares.
export { type AnyMiddleware, chain, type Endpoint, type Failer, failureOf, type Middleware } from "./endpoint.ts";
export { background, type CancellableContext, type Context } from "./context.ts";
export { type Codec, type ContextKey, contextKey, text } from "./context-key.ts";
export { type Code, codeOf, isKitError, KitError, type KitErrorOptions, refusal } from "./error.ts";
export { type CallInfo, callInfo } from "./call-info.ts";

// For transports.
export { type Carrier, extract, inject } from "./context-key.ts";
export { codes, fromWire, toWire, type WireError } from "./error.ts";
