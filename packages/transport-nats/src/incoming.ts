import { KitError } from "@kit/endpoint";
import type { HeaderReader } from "@kit/transport";
import { Match, type Msg, type MsgHdrs } from "@nats-io/transport-node";

/** A message that came in: a request in a server, a reply in a client. */
export class NatsIncoming implements HeaderReader {
  /** The driver's own. */
  readonly message: Msg;
  /** Where an answer is waited for; missing where none is. */
  readonly reply: string | undefined;
  readonly data: Uint8Array;

  constructor(message: Msg) {
    this.message = message;
    this.reply = message.reply || undefined;
    this.data = message.data;
  }

  get subject(): string {
    return this.message.subject;
  }

  /** The data as UTF-8; what is none is replaced by U+FFFD. */
  text(): string {
    const { buffer, byteOffset, byteLength } = this.data;
    return Buffer.from(buffer, byteOffset, byteLength).toString();
  }

  /** @throws {KitError} `invalid_argument` where the headers are none. */
  header(name: string): string | undefined {
    const values = this.#headers?.values(name, Match.IgnoreCase);
    return values === undefined || values.length === 0 ? undefined : values.join(", ");
  }

  /** The driver decodes them when first asked for. */
  get #headers(): MsgHdrs | undefined {
    try {
      return this.message.headers;
    } catch (cause) {
      throw new KitError("invalid_argument", "headers: not valid", { cause });
    }
  }
}
