import { fromWire, type KitError } from "@kit/endpoint";
import type { HeaderReader, HeaderWriter } from "@kit/transport";
import { codeOfStatus } from "./error.ts";

/** A request while a client makes it; encoders and `before` functions write to it. */
export interface ClientRequest extends HeaderWriter {
  method: string;
  /** Path and query, escaped. */
  path: string;
  body: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** A response as a client sees it. */
export class ClientResponse implements HeaderReader {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The whole body; empty when the client was made with `stream`. */
  readonly body: Buffer;
  /** The body as it comes, when the client was made with `stream`; to be read to its end or destroyed. */
  readonly stream: AsyncIterable<Uint8Array> | undefined;

  constructor(
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    body: Buffer,
    stream?: AsyncIterable<Uint8Array>,
  ) {
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.stream = stream;
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  text(): string {
    return this.body.toString();
  }

  /** The error that the body tells of, else the one that the status means; `Retry-After` is heeded either way. */
  error(): KitError {
    const seconds = this.header("retry-after") ?? "";
    const hint = /^\d{1,10}$/.test(seconds) ? { retryAfterMs: Number(seconds) * 1000 } : {};
    return fromWire(
      { message: `http status ${this.status}`, ...hint, ...this.#wireError() },
      codeOfStatus(this.status),
    );
  }

  #wireError(): object | undefined {
    try {
      const wire: unknown = JSON.parse(this.text());
      return typeof wire === "object" && wire !== null ? wire : undefined;
    } catch {
      // Not ours: a proxy's page, or nothing. The status has to do.
      return undefined;
    }
  }
}
