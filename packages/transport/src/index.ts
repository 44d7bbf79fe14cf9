// What hooks of every transport work on.
export type { HeaderReader, HeaderWriter, OutgoingHeaders } from "./headers.ts";

// For transports: the steps of a call.
export {
  type ClientHooks,
  type ClientOperation,
  type ClientOutcome,
  type ClientSteps,
  clientSteps,
} from "./client-steps.ts";
export {
  type ServerHooks,
  type ServerOperation,
  type ServerOutcome,
  type ServerSteps,
  serverSteps,
  type ServerWire,
} from "./server-steps.ts";

// For transports: calls under way.
export { type Call, CallWatch } from "./call-watch.ts";
export { IncomingCall, IncomingCalls } from "./incoming-calls.ts";
export { PendingCalls } from "./pending-calls.ts";

// For transports: what crosses the wire.
export { parseTimeout, timeoutText } from "./deadline.ts";
export { type JsonOptions, keyNames, parseJson } from "./json.ts";
export { limit } from "./limit.ts";
export { decodeWireError, encodePlainError, encodeWireError, type ErrorMessage } from "./wire-error.ts";
