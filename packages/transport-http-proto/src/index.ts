// Servers.
export { httpProtoHandler, type HttpProtoHandlerOptions } from "./handler.ts";
export { serveHttpProto, type ServeHttpProtoOptions } from "./serve.ts";

// Clients.
export { httpProtoClient, type HttpProtoClientOptions } from "./client.ts";
export { connectHttpProto, type ConnectHttpProtoOptions } from "./connect.ts";

// Steps for both sides.
export {
  decodeProtoRequest,
  decodeProtoResponse,
  encodeProtoRequest,
  encodeProtoResponse,
  protoContentType,
} from "./proto-body.ts";
