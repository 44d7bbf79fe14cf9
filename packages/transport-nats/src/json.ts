import { KitError } from "@kit/endpoint";
import { decodeWireError, parseJson } from "@kit/transport";
import { errorHeader } from "./error.ts";
import type { NatsIncoming } from "./incoming.ts";
import type { NatsOutgoing } from "./outgoing.ts";

/** Encodes a request or a response as JSON; `undefined` becomes an empty message. @see go-kit EncodeJSONRequest, EncodeJSONResponse */
export function encodeJson(value: unknown, message: NatsOutgoing): void {
  if (value !== undefined) message.data = JSON.stringify(value);
}

/** Decodes a request from JSON; an empty message is `undefined`. @throws {KitError} `invalid_argument` for what is no JSON. */
export function decodeJsonRequest(message: NatsIncoming): any {
  return message.data.length === 0 ? undefined : parseJson(message.text());
}

/** Decodes a request to nothing, for endpoints that need none. @see go-kit NopRequestDecoder */
export function nopRequestDecoder(): undefined {}

/**
 * Decodes a reply from JSON; one with an `error-code` becomes the error that the server sent. An empty message is `undefined`.
 *
 * @throws {KitError} what the server said; `internal` for what is no JSON.
 */
export function decodeJsonReply(reply: NatsIncoming): any {
  const code = reply.header(errorHeader);
  if (code !== undefined) throw decodeWireError(code, reply.text());
  if (reply.data.length === 0) return undefined;
  try {
    return parseJson(reply.text());
  } catch (cause) {
    throw new KitError("internal", "nats: a reply that is not JSON", { cause });
  }
}

/**
 * The same for replies of a go-kit server: `{"err":"…"}` and nothing else is an error, of which no more than its text is known.
 *
 * @throws {KitError} `unknown` with that text.
 * @see go-kit transport/nats DefaultErrorEncoder
 */
export function decodePlainReply(reply: NatsIncoming): any {
  const value = decodeJsonReply(reply);
  if (typeof value === "object" && value !== null && Object.keys(value).length === 1) {
    const { err } = value;
    if (typeof err === "string" && err !== "") throw new KitError("unknown", err);
  }
  return value;
}
