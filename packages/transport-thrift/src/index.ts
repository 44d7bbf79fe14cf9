// The contract, from an IDL.
export {
  type Int64Like,
  type ThriftI64,
  type ThriftMethod,
  type ThriftMethodSpec,
  type ThriftService,
  thriftService,
  type ThriftServiceOptions,
} from "./service.ts";
export type { ThriftCodec, ThriftModule } from "./codec.ts";

// Servers.
export { serveThrift, type ServeThriftOptions } from "./serve.ts";
export {
  type CloseThriftOptions,
  type ThriftHandler,
  thriftHandler,
  type ThriftHandlerOptions,
  type ThriftServerOptions,
} from "./handler.ts";
export { drainThrift } from "./drain.ts";
export type { ThriftReply, ThriftRequest } from "./request.ts";

// Clients.
export { connectThrift, type ConnectThriftOptions } from "./connect.ts";
export { type ThriftClient, thriftClient, type ThriftClientCommon, type ThriftClientOptions } from "./client.ts";
export { type ThriftConnection, thriftConnection, type ThriftConnectionOptions } from "./connection.ts";
export type { ClientRequest, ClientResponse } from "./client-message.ts";
export type { ThriftFraming } from "./frame.ts";
export type { ThriftProtocol } from "./protocol.ts";
