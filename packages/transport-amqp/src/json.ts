import { KitError } from "@kit/endpoint";
import { decodeWireError, encodePlainError, encodeWireError, parseJson } from "@kit/transport";
import type { AmqpDelivery } from "./delivery.ts";
import type { AmqpPublishing } from "./publishing.ts";

/** Says that a reply is an error, and which. */
const errorHeader = "error-code";

/** Decodes a JSON body, `undefined` for an empty one. @throws {KitError} `invalid_argument` for what is not JSON, or has a key `__proto__`. */
export function decodeJsonRequest({ body }: AmqpDelivery): any {
  return body.length === 0 ? undefined : parseJson(body.toString());
}

/** Encodes a request or a response as JSON; `undefined` is an empty body. No content type is set, as in go-kit. @see go-kit EncodeJSONResponse */
export function encodeJson(value: unknown, message: AmqpPublishing): void {
  if (value === undefined) return;
  message.body = JSON.stringify(value);
}

/**
 * Decodes a reply from JSON, `undefined` from an empty one; a reply with an `error-code` becomes the error that the server sent.
 *
 * @throws {KitError} what the server said; `internal` for a body that is not JSON.
 */
export function decodeJsonReply(reply: AmqpDelivery): any {
  const code = reply.header(errorHeader);
  if (code !== undefined) throw decodeWireError(code, reply.text());
  if (reply.body.length === 0) return undefined;
  try {
    return parseJson(reply.text());
  } catch (cause) {
    throw new KitError("internal", "amqp: a reply that is not JSON", { cause });
  }
}

/**
 * The same for replies of a go-kit server: `{"err":"…"}` and nothing else is an error, of which no more than its text is known. Beside other fields it is the
 * response's own.
 *
 * @throws {KitError} `unknown` with that text.
 * @see go-kit transport/amqp ReplyErrorEncoder
 */
export function decodePlainReply(reply: AmqpDelivery): any {
  const value = decodeJsonReply(reply);
  if (typeof value === "object" && value !== null && Object.keys(value).length === 1) {
    const { err } = value;
    if (typeof err === "string" && err !== "") throw new KitError("unknown", err);
  }
  return value;
}

/** The default: the code in a header, and `{"code","message","details"}`, Connect's shape. An error that is no `KitError` tells the caller nothing but `unknown`. */
export function encodeError(error: unknown, reply: AmqpPublishing): void {
  const { code, body } = encodeWireError(error);
  reply.headers[errorHeader] = code;
  reply.body = body;
}

/** What go-kit's error encoders reply: `{"err":"…"}`, the text of **every** error, so this is for peers that need it. @see go-kit transport/amqp ReplyErrorEncoder, ReplyAndAckErrorEncoder */
export function encodeErrorPlain(error: unknown, reply: AmqpPublishing): void {
  reply.body = encodePlainError(error);
}
