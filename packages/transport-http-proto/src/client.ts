import type { MessageCodec } from "@kit/protobuf";
import { type HttpClient, httpClient, type HttpClientOptions } from "@kit/transport-http";
import { decodeProtoResponse, encodeProtoRequest } from "./proto-body.ts";

/** One endpoint elsewhere, its messages as protobuf; the rest as `httpClient` has it. */
export interface HttpProtoClientOptions<Request, Response> extends Omit<
  HttpClientOptions<Request, Response>,
  "decode" | "encode" | "stream"
> {
  readonly requestCodec: MessageCodec<Request>;
  readonly responseCodec: MessageCodec<any, Response>;
}

/**
 * An endpoint elsewhere; rejects as `httpClient` does.
 *
 * @throws {TypeError} when the URL is not one.
 * @see go-kit transport/http/proto, with its http.NewClient
 */
export function httpProtoClient<Request, Response>(
  options: HttpProtoClientOptions<Request, Response>,
): HttpClient<Request, Response> {
  const { requestCodec, responseCodec, ...rest } = options;
  const steps = { encode: encodeProtoRequest(requestCodec), decode: decodeProtoResponse(responseCodec) };
  return httpClient<Request, Response>({ ...rest, ...steps });
}
