// Contracts.
export { type MessageCodec, messageCodec } from "./message-codec.ts";
export {
  type ProtobufDescriptor,
  type ProtobufMethod,
  type ProtobufMethodOptions,
  type ProtobufMethodSpec,
  type ProtobufService,
  protobufService,
} from "./protobuf-service.ts";

// For transports.
export { binaryMethod, binaryService } from "./binary-service.ts";
