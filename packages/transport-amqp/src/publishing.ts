import type { HeaderWriter, OutgoingHeaders } from "@kit/transport";
import type { Options } from "amqplib";

/** The properties of a message that hooks may set. The envelope sets `correlationId`, `replyTo`, `expiration` and `mandatory` of requests. */
export type AmqpProperties = Omit<Options.Publish, "headers">;

/** A message that is about to go: a request in a client, a reply on a server. */
export interface AmqpPublishing extends HeaderWriter {
  /** `""` is the default exchange, which takes a message to the queue that its routing key names. @see go-kit SetPublishExchange */
  exchange: string;
  /** @see go-kit SetPublishKey */
  routingKey: string;
  readonly headers: OutgoingHeaders;
  /** Written to by hooks. @see go-kit SetPublishDeliveryMode, SetContentType, SetContentEncoding, SetCorrelationID */
  readonly properties: AmqpProperties;
  body: string | Uint8Array;
}

/** The body as amqplib takes it. */
export function bytesOf({ body }: AmqpPublishing): Buffer {
  if (typeof body === "string") return Buffer.from(body);
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
