// Servers.
export { encodeError, encodeErrorPlain } from "./error.ts";
export { natsHandler, type NatsHandlerOptions } from "./handler.ts";
export { serveNats, type ServeNatsOptions } from "./serve.ts";
export type { CloseNatsOptions, NatsServer, NatsServerHooks, NatsServerOptions } from "./server.ts";

// Clients.
export type { NatsClientCommon, NatsClientHooks } from "./caller.ts";
export { natsClient, type NatsClient, type NatsClientOptions } from "./client.ts";
export { connectNats, type ConnectNatsOptions } from "./connect.ts";

// Messages and steps for both sides.
export type { NatsIncoming } from "./incoming.ts";
export { decodeJsonReply, decodeJsonRequest, decodePlainReply, encodeJson, nopRequestDecoder } from "./json.ts";
export type { NatsOutgoing } from "./outgoing.ts";
export type { NatsSubjects } from "./subjects.ts";
