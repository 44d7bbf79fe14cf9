import type { HeaderReader, HeaderWriter, OutgoingHeaders } from "@kit/transport";

/** A call while a client makes it; encoders and `before` functions write to it. */
export class ClientRequest implements HeaderWriter {
  /** As the IDL has it. */
  readonly method: string;
  /** They reach the server where the connection's framing is `header`, and nobody else. */
  readonly headers: OutgoingHeaders = {};
  /** The arguments by name. */
  args: Readonly<Record<string, unknown>> = {};

  constructor(method: string) {
    this.method = method;
  }
}

/** What a server has answered. */
export class ClientResponse implements HeaderReader {
  /** The result; `undefined` for void, for a oneway method and where there is an error. */
  readonly value: unknown;
  /** An exception that the IDL declares, or a `KitError`. */
  readonly error: Error | undefined;
  readonly #headers: ReadonlyMap<string, string> | undefined;

  constructor(value: unknown, error: Error | undefined, headers?: ReadonlyMap<string, string>) {
    this.value = value;
    this.error = error;
    this.#headers = headers;
  }

  header(name: string): string | undefined {
    return this.#headers?.get(name);
  }
}
