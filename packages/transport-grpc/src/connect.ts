import { binaryService, type ProtobufMethod, type ProtobufService } from "@kit/protobuf";
import { type ClientOf, clientOf } from "@kit/service";
import { clientSteps } from "@kit/transport";
import { asBody, bodyOf, type GrpcClientCommon, type GrpcClientRequest, newMessage } from "./client.ts";
import { Connection } from "./connection.ts";
import type { GrpcClientReply } from "./reply.ts";
import { sender } from "./send.ts";

export type ConnectGrpcOptions = GrpcClientCommon;

/**
 * A client of a whole service, over one connection, made when first used. Dispose it to close it.
 *
 * Calls reject with the `KitError` that the server sent, `unavailable` when it cannot be reached, or the context's own cause. The promise of a stream is kept
 * when the server has begun to answer; the stream is to be read to its end, or left with `break`, which tells the server.
 *
 * @throws {TypeError} when the address or the credentials are missing, or a limit is not a positive number.
 */
export function connectGrpc<S extends ProtobufService>(service: S, options: ConnectGrpcOptions): ClientOf<S> {
  const connection = new Connection("connectGrpc", options);
  const operation = { newMessage: newMessage(options), encode: asBody, decode: bodyOf };
  const methods = service.methods as Record<string, ProtobufMethod>;
  return clientOf(
    binaryService(service, connection.maxBytes),
    ({ name }) => {
      const call = clientSteps<GrpcClientRequest, GrpcClientReply>(options, sender(connection, methods[name]!));
      return (request, ctx) => call(operation, request, ctx);
    },
    async () => connection.close(),
  ) as ClientOf<S>;
}
