import { credentials } from "@grpc/grpc-js";
import { type Context, type Endpoint, KitError } from "@kit/endpoint";
import type { Server } from "@kit/servers";
import type { HeaderReader, HeaderWriter } from "@kit/transport";
import { encodeErrorPlain as plainOverGrpc, grpcClient, grpcHandler, grpcService } from "@kit/transport-grpc";
import { decodePlainResponse, httpClient, httpHandler } from "@kit/transport-http";
import { encodeErrorPlain as plainOverHttp } from "@kit/transport-http";
import { Interop } from "./gen/pb/interop_pb.ts";
import { type Served, servingGrpc, servingHttp } from "./serving.ts";

const { path, requestCodec, responseCodec } = grpcService(Interop).methods.echo;

/** The operation that Go's tracing programs know, over one wire. */
export interface EchoWire {
  /** For go-kit's client. */
  readonly transport: "http" | "grpc";
  /** A client of ours of go-kit's server. */
  readonly client: (
    server: Server,
    before: (ctx: Context, message: HeaderWriter) => void,
  ) => Endpoint & AsyncDisposable;
  /** Serves ours to go-kit's client. */
  readonly serve: (endpoint: Endpoint, before: (ctx: Context, message: HeaderReader) => Context) => Promise<Served>;
}

/** As go-kit's does it, in `go-tracing/serve.go`. */
export const echo: Endpoint<{ text: string }, { text: string }> = async ({ text }) => {
  if (text === "") throw new KitError("failed_precondition", "nothing to echo");
  return { text };
};

export const overHttp: EchoWire = {
  transport: "http",
  client: ({ url }, before) => httpClient({ url: `${url}/echo`, before: [before], decode: decodePlainResponse }),
  serve: (endpoint, before) => servingHttp(httpHandler(endpoint, { before: [before], errorEncoder: plainOverHttp })),
};

export const overGrpc: EchoWire = {
  transport: "grpc",
  client: ({ place }, before) =>
    grpcClient({
      address: `127.0.0.1:${place.ports[1]}`,
      credentials: credentials.createInsecure(),
      path,
      serialize: requestCodec.encode,
      deserialize: responseCodec.decode,
      before: [before],
    }),
  serve(endpoint, before) {
    const definition = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: (message: unknown) => Buffer.from(requestCodec.encode(message)),
      requestDeserialize: (bytes: Buffer) => requestCodec.decode(bytes),
      responseSerialize: (message: unknown) => Buffer.from(responseCodec.encode(message)),
      responseDeserialize: (bytes: Buffer) => responseCodec.decode(bytes),
    };
    const handler = grpcHandler(endpoint, { before: [before], errorEncoder: plainOverGrpc });
    return servingGrpc((server) => server.addService({ echo: definition }, { echo: handler }));
  },
};
