import type { HeaderReader } from "@kit/transport";
import type { ConsumeMessage, MessageProperties } from "amqplib";

/** A message that came: a request on a server, a reply in a client. */
export class AmqpDelivery implements HeaderReader {
  /** As amqplib has it. */
  readonly message: ConsumeMessage;

  constructor(message: ConsumeMessage) {
    this.message = message;
  }

  get body(): Buffer {
    return this.message.content;
  }

  get properties(): MessageProperties {
    return this.message.properties;
  }

  /** It was delivered before, to this consumer or another, and not acknowledged. */
  get redelivered(): boolean {
    return this.message.fields.redelivered;
  }

  /** A header by its lower-case name, whatever the case it was sent in. Values that are no text are turned into it. */
  header(name: string): string | undefined {
    const { headers } = this.message.properties;
    if (headers === undefined) return undefined;
    const exact: unknown = headers[name];
    if (exact !== undefined) return textOf(exact);
    // Names keep their case in AMQP, and Go's programs like capitals.
    for (const key in headers) if (key.toLowerCase() === name) return textOf(headers[key]);
    return undefined;
  }

  text(): string {
    return this.message.content.toString();
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Buffer.isBuffer(value)) return value.toString();
  if (Array.isArray(value)) return value.map(textOf).filter(isText).join(", ");
  return undefined;
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}
