import type { Metadata, sendUnaryData } from "@grpc/grpc-js";
import type { Context, Endpoint } from "@kit/endpoint";
import type { HeaderReader, HeaderWriter, OutgoingHeaders, ServerHooks } from "@kit/transport";
import { exchanger } from "./exchange.ts";
import { type AnyServerCall, Incoming } from "./incoming.ts";
import type { GrpcLimits } from "./limits.ts";

/** A request as a server sees it. */
export interface GrpcRequest<Body = any> extends HeaderReader {
  /** `/<package>.<Service>/<Method>` */
  readonly path: string;
  readonly peer: string;
  readonly metadata: Metadata;
  /** The message; where the request is a stream, an `AsyncIterable` of them. */
  readonly body: Body;
}

/** A reply while a server makes it. The values of a header or trailer whose name ends in `-bin` are base64. */
export interface GrpcReply<Body = any> extends HeaderWriter {
  /** Sent behind the messages. */
  readonly trailers: OutgoingHeaders;
  /** The message; where the response is a stream, an `AsyncIterable` of them. */
  body: Body | undefined;
  /** Says that the call failed. */
  status: { readonly code: number; readonly message: string } | undefined;
}

/** Options of every gRPC server side. */
export interface GrpcServerOptions extends ServerHooks<GrpcRequest, GrpcReply>, GrpcLimits {}

/** One endpoint over gRPC, each step in your hands. */
export interface GrpcHandlerOptions<Request, Response> extends GrpcServerOptions {
  /** @default the message as it was deserialised */
  readonly decode?: (message: GrpcRequest, ctx: Context) => Request | Promise<Request>;
  /** @default the response is the message, or the stream of them */
  readonly encode?: (response: Response, reply: GrpcReply, ctx: Context) => void | Promise<void>;
  /** What `callInfo` names the call for logs and metrics. @default both from the path */
  readonly service?: string;
  readonly method?: string;
}

/** A handler of any of the four kinds of call: unary, client-streaming, server-streaming and bidirectional. */
export type GrpcHandler = (call: any, callback?: sendUnaryData<any>) => void;

/**
 * Serves one endpoint as one method: pass it to `server.addService`, beside the definition that your IDL compiler made, which says how messages are
 * deserialised and which of them are streams.
 *
 * @throws {TypeError} for a limit that is not a positive number.
 * @see go-kit transport/grpc NewServer
 */
export function grpcHandler<Request = any, Response = any>(
  endpoint: Endpoint<Request, Response>,
  options: GrpcHandlerOptions<Request, Response> = {},
): GrpcHandler {
  const { decode = bodyOf, encode = asBody, service, method } = options;
  const answer = exchanger(options).answering({ endpoint, decode, encode, service, method });
  return (call: AnyServerCall, callback) => void answer(new Incoming(call, callback));
}

export function bodyOf({ body }: GrpcRequest): any {
  return body;
}

export function asBody(response: unknown, reply: GrpcReply): void {
  reply.body = response;
}
