// Servers.
export {
  type ErrorCoder,
  encodeError,
  encodeErrorPlain,
  jsonrpcError,
  type JsonrpcErrorEncoder,
  type JsonrpcErrorObject,
} from "./error.ts";
export {
  jsonrpcHandler,
  type JsonrpcHandlerOptions,
  type JsonrpcMethod,
  type JsonrpcServerOptions,
} from "./handler.ts";
export type { JsonrpcCall, JsonrpcId } from "./message.ts";
export { serveJsonrpc, type ServeJsonrpcOptions } from "./serve.ts";

// Clients.
export {
  autoIncrement,
  decodeJsonrpcResponse,
  jsonrpcClient,
  type JsonrpcClientCommon,
  type JsonrpcClientOptions,
  type JsonrpcResponse,
} from "./client.ts";
export { connectJsonrpc, type ConnectJsonrpcOptions } from "./connect.ts";
export { decodeError } from "./error.ts";
