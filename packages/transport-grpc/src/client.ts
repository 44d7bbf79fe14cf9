import type { Context, Endpoint } from "@kit/endpoint";
import { binaryMethod, protobufService } from "@kit/protobuf";
import { type ClientHooks, clientSteps, type HeaderWriter, type OutgoingHeaders } from "@kit/transport";
import { Connection, type GrpcConnectionOptions } from "./connection.ts";
import type { GrpcClientReply } from "./reply.ts";
import { sender } from "./send.ts";

/** A request while a client makes it. The values of a header whose name ends in `-bin` are base64. */
export interface GrpcClientRequest<Body = any> extends HeaderWriter {
  /** The message; where the request is a stream, an `AsyncIterable` of them. */
  body: Body | undefined;
}

/** Options of every gRPC client. */
export interface GrpcClientCommon extends GrpcConnectionOptions, ClientHooks<GrpcClientRequest, GrpcClientReply> {
  /** Sent with each request, by lower-case name. @default none */
  readonly headers?: OutgoingHeaders;
}

/** One endpoint over gRPC, each step in your hands. */
export interface GrpcClientOptions<Request, Response> extends GrpcClientCommon {
  /** `/<package>.<Service>/<Method>` */
  readonly path: string;
  /** A message as bytes. */
  readonly serialize: (message: any) => Uint8Array;
  /** The message that bytes are. */
  readonly deserialize: (bytes: Uint8Array) => any;
  /** The request is a stream. @default false */
  readonly requestStream?: boolean;
  /** The response is a stream. @default false */
  readonly responseStream?: boolean;
  /** Sets `message.body`, the message or the stream of them. @default the request as it is */
  readonly encode?: (request: Request, message: GrpcClientRequest, ctx: Context) => void | Promise<void>;
  /** Sees successful replies; of a call that failed the error is known already. @default `reply.body` as it is */
  readonly decode?: (reply: GrpcClientReply, ctx: Context) => Response | Promise<Response>;
}

/** An endpoint that lets go of its connection when it is disposed. */
export type GrpcClient<Request = any, Response = any> = Endpoint<Request, Response> & AsyncDisposable;

/**
 * An endpoint elsewhere. The deadline and the carried values of the context go along; when the context ends, so does the call.
 *
 * @throws {TypeError} for a path, an address or a limit that cannot be.
 * @see go-kit transport/grpc NewClient
 */
export function grpcClient<Request = any, Response = any>(
  options: GrpcClientOptions<Request, Response>,
): GrpcClient<Request, Response> {
  const { path, serialize, deserialize, requestStream = false, responseStream = false } = options;
  const { encode = asBody, decode = bodyOf } = options;
  const connection = new Connection("grpcClient", options);
  const [, service = "", name = ""] = path.split("/");
  const requestCodec = { encode: serialize, decode: deserialize };
  const spec = { path, requestCodec, responseCodec: requestCodec, requestStream, responseStream };
  const method = protobufService({ name: service, methods: { [name]: spec } }).methods[name]!;
  const wire = binaryMethod(method, connection.maxBytes);
  const send = sender(connection, method);
  const call = clientSteps<GrpcClientRequest, GrpcClientReply>(options, async (message, ctx) => {
    const reply = await send({ ...message, body: wire.request.encode!(message.body) }, ctx);
    reply.body = wire.response.decode(reply.body);
    return reply;
  });
  const operation = { newMessage: newMessage(options), encode, decode };
  const endpoint: Endpoint<Request, Response> = (request, ctx) => call(operation, request, ctx);
  return Object.assign(endpoint, { [Symbol.asyncDispose]: async () => connection.close() });
}

/** Makes requests with the headers that all of them have. */
export function newMessage({ headers }: GrpcClientCommon): () => GrpcClientRequest {
  return () => ({ headers: { ...headers }, body: undefined });
}

export function asBody(request: unknown, message: GrpcClientRequest): void {
  message.body = request;
}

export function bodyOf({ body }: GrpcClientReply): any {
  return body;
}
