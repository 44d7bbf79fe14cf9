import { credentials } from "@grpc/grpc-js";
import { KitError } from "@kit/endpoint";
import { whenInstalled } from "@kit/servers";
import { connectGrpc, encodeErrorPlain, grpcClient, grpcHandler, grpcService, serveGrpc } from "@kit/transport-grpc";
import { interoperatesByEndpoint } from "./by-endpoint.ts";
import { Interop as InteropOfIdl } from "./gen/pb/interop_pb.ts";
import { gokit } from "./gokit.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { interoperates } from "./interoperates.ts";
import { servingGrpc } from "./serving.ts";

const Interop = grpcService(InteropOfIdl);

whenInstalled(gokit(), () => {
  interoperates({
    transport: "grpc",
    connect: ({ place }) =>
      connectGrpc(Interop, {
        address: `127.0.0.1:${place.ports[2]}`,
        credentials: credentials.createInsecure(),
        before: [writeIdentity],
      }),
    serve: (endpoints) =>
      servingGrpc((server) =>
        serveGrpc(Interop, endpoints, { server, before: [readIdentity], errorEncoder: encodeErrorPlain }),
      ),
    coded: () => new KitError("not_found", "no such thing"),
    ourErrors: {
      plain: { code: "unknown", message: "out of order" },
      coded: { code: "not_found", message: "no such thing" },
    },
    goErrors: {
      plain: [2, "rpc error: code = Unknown desc = out of order"],
      coded: [5, "rpc error: code = NotFound desc = no such thing"],
    },
    // Both sides have the deadline, and whichever is later may hear of the other's end first.
    goEnds: ["context deadline exceeded", "context canceled"],
    oursEnds: ["deadline_exceeded", "canceled"],
    identity: true,
  });

  interoperatesByEndpoint({
    transport: "grpc",
    client(operation, { place }) {
      const { path, requestCodec, responseCodec } = Interop.methods[operation];
      return grpcClient({
        address: `127.0.0.1:${place.ports[2]}`,
        credentials: credentials.createInsecure(),
        path,
        serialize: requestCodec.encode,
        deserialize: responseCodec.decode,
      });
    },
    handle(operation, endpoint, before) {
      const { path, requestCodec, responseCodec } = Interop.methods[operation];
      const definition = {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: (message: unknown) => Buffer.from(requestCodec.encode(message)),
        requestDeserialize: (bytes: Buffer) => requestCodec.decode(bytes),
        responseSerialize: (message: unknown) => Buffer.from(responseCodec.encode(message)),
        responseDeserialize: (bytes: Buffer) => responseCodec.decode(bytes),
      };
      const handler = grpcHandler(endpoint, { before: [before], errorEncoder: encodeErrorPlain });
      return servingGrpc((server) => server.addService({ [operation]: definition }, { [operation]: handler }));
    },
  });
});
