import { KitError } from "@kit/endpoint";
import { encodePlainError, encodeWireError } from "@kit/transport";
import type { NatsOutgoing } from "./outgoing.ts";

/** Says that a reply is an error, and its code. */
export const errorHeader = "error-code";

/**
 * The default: the code in the header `error-code`, and `{"code","message","details","retryAfterMs"}` as the data, Connect's shape. An error that is no
 * `KitError` tells the caller nothing but `unknown`.
 */
export function encodeError(error: unknown, reply: NatsOutgoing): void {
  const { code, body } = encodeWireError(error);
  reply.headers[errorHeader] = code;
  reply.data = body;
}

/**
 * What a go-kit server replies: `{"err":"…"}` without headers. The text of **every** error reaches the caller, so this is for peers that need it.
 *
 * @see go-kit transport/nats DefaultErrorEncoder
 */
export function encodeErrorPlain(error: unknown, reply: NatsOutgoing): void {
  reply.data = encodePlainError(error);
}

/** Why the driver did not take a message. Nothing has left. */
export function publishError(cause: unknown): KitError {
  const { name, message } = cause as Error;
  const [code, why] = /^(Closed|Draining)Connection/.test(name)
    ? (["unavailable", "the connection is closed"] as const)
    : message.includes("max_payload")
      ? (["resource_exhausted", "the message is larger than the NATS server takes"] as const)
      : (["invalid_argument", "a subject or header that NATS cannot hold"] as const);
  return new KitError(code, `nats: ${why}`, { cause, notSent: true });
}
