import { KitError } from "@kit/endpoint";
import type { MessageCodec } from "@kit/protobuf";
import type { ClientRequest, ClientResponse, Headerer, HttpReply, HttpRequest, StatusCoder } from "@kit/transport-http";
import { statusError } from "@kit/transport-http";

/** What go-kit sends. @see go-kit transport/http/proto */
export const protoContentType = "application/x-protobuf";

/** What others call the same, with or without parameters. */
const isProto = /^application\/(x-protobuf|protobuf|vnd\.google\.protobuf|proto)\s*(;|$)/i;

/**
 * Reads a request's message. A body that says that it is something else is refused with 415.
 *
 * @throws {KitError} `invalid_argument` for bytes that are no such message, and what `HttpRequest.bytes` throws.
 */
export function decodeProtoRequest<Seen>(codec: MessageCodec<any, Seen>): (request: HttpRequest) => Promise<Seen> {
  return async (request) => {
    const type = request.header("content-type");
    if (type !== undefined && !isProto.test(type)) {
      throw statusError(415, "invalid_argument", `content-type: not ${protoContentType}`);
    }
    const bytes = await request.bytes();
    try {
      return codec.decode(bytes);
    } catch (cause) {
      throw new KitError("invalid_argument", "body: not the message that is expected", { cause });
    }
  };
}

/**
 * Writes a response's message. It may be a StatusCoder and a Headerer; 204 has no body.
 *
 * @see go-kit EncodeProtoResponse, which looks for headers in the wrong place
 */
export function encodeProtoResponse<Given>(codec: MessageCodec<Given>): (response: Given, reply: HttpReply) => void {
  return (response, reply) => {
    reply.headers["content-type"] = protoContentType;
    const own: Partial<StatusCoder & Headerer> = response ?? {};
    if (typeof own.headers === "function") Object.assign(reply.headers, own.headers());
    if (typeof own.statusCode === "function") reply.status = own.statusCode();
    if (reply.status !== 204) reply.body = codec.encode(response);
  };
}

/** Writes a request's message, which may be a Headerer. @see go-kit EncodeProtoRequest */
export function encodeProtoRequest<Given>(
  codec: MessageCodec<Given>,
): (request: Given, message: ClientRequest) => void {
  return (request, message) => {
    message.headers["content-type"] = protoContentType;
    const own: Partial<Headerer> = request ?? {};
    if (typeof own.headers === "function") Object.assign(message.headers, own.headers());
    try {
      message.body = codec.encode(request);
    } catch (cause) {
      throw new KitError("invalid_argument", "request: not the message that is expected", { cause });
    }
  };
}

/**
 * Reads a response's message; a status beyond 2xx becomes the error that the server sent.
 *
 * @throws {KitError} what the server said, else the code its status means; `internal` for bytes that are no such message.
 */
export function decodeProtoResponse<Seen>(codec: MessageCodec<any, Seen>): (response: ClientResponse) => Seen {
  return (response) => {
    if (response.status < 200 || response.status > 299) throw response.error();
    try {
      return codec.decode(response.body);
    } catch (cause) {
      throw new KitError("internal", `http: a ${response.status} reply that is not the message expected`, { cause });
    }
  };
}
