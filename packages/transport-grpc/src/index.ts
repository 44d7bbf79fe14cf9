// Contracts: those of @kit/protobuf, by this package's names.
export {
  messageCodec,
  type MessageCodec as GrpcCodec,
  type ProtobufDescriptor as GrpcDescriptor,
  type ProtobufMethod as GrpcMethod,
  type ProtobufMethodOptions as GrpcMethodOptions,
  type ProtobufMethodSpec as GrpcMethodSpec,
  protobufService as grpcService,
  type ProtobufService as GrpcService,
} from "@kit/protobuf";

// Servers.
export { drainGrpc, type DrainGrpcOptions } from "./drain.ts";
export { encodeError, encodeErrorPlain } from "./error.ts";
export {
  type GrpcHandler,
  grpcHandler,
  type GrpcHandlerOptions,
  type GrpcReply,
  type GrpcRequest,
  type GrpcServerOptions,
} from "./handler.ts";
export type { GrpcLimits } from "./limits.ts";
export { type GrpcServed, serveGrpc, type ServeGrpcOptions } from "./serve.ts";

// What servers tell of themselves.
export { Health as GrpcHealth } from "./generated/health_pb.ts";
export { type GrpcHealthOptions, serveGrpcHealth } from "./health.ts";
export { type GrpcReflectionOptions, serveGrpcReflection } from "./reflection.ts";

// Clients.
export {
  type GrpcClient,
  grpcClient,
  type GrpcClientCommon,
  type GrpcClientOptions,
  type GrpcClientRequest,
} from "./client.ts";
export { connectGrpc, type ConnectGrpcOptions } from "./connect.ts";
export type { GrpcConnectionOptions } from "./connection.ts";
export type { GrpcClientReply } from "./reply.ts";

// Steps for both sides.
export { setRequestHeader, setResponseHeader, setResponseTrailer } from "./header-hooks.ts";
