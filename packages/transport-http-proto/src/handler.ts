import type { Endpoint } from "@kit/endpoint";
import type { MessageCodec } from "@kit/protobuf";
import { type HttpHandler, httpHandler, type HttpHandlerOptions } from "@kit/transport-http";
import { decodeProtoRequest, encodeProtoResponse } from "./proto-body.ts";

/** One endpoint, its messages as protobuf; the rest as `httpHandler` has it. */
export interface HttpProtoHandlerOptions<Request, Response> extends Omit<
  HttpHandlerOptions<Request, Response>,
  "decode" | "encode"
> {
  readonly requestCodec: MessageCodec<any, Request>;
  readonly responseCodec: MessageCodec<Response>;
}

/**
 * Serves one endpoint on every path and with every verb it is asked with.
 *
 * @throws {TypeError} for a limit that is not a positive number.
 * @see go-kit transport/http/proto, with its http.NewServer
 */
export function httpProtoHandler<Request, Response>(
  endpoint: Endpoint<Request, Response>,
  options: HttpProtoHandlerOptions<Request, Response>,
): HttpHandler {
  const { requestCodec, responseCodec, ...rest } = options;
  const steps = { decode: decodeProtoRequest(requestCodec), encode: encodeProtoResponse(responseCodec) };
  return httpHandler<Request, Response>(endpoint, { ...rest, ...steps });
}
