import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { HeaderReader } from "@kit/transport";

/** A request on its way to the origin; hooks change what goes on. */
export class ProxyRequest implements HeaderReader {
  readonly #message: IncomingMessage | Http2ServerRequest;

  constructor(message: IncomingMessage | Http2ServerRequest) {
    this.#message = message;
  }

  get method(): string {
    return this.#message.method!;
  }

  /** Path and query as they go to the origin, behind its own path; to be set as well. */
  get url(): string {
    return this.#message.url!;
  }

  set url(url: string) {
    this.#message.url = url;
  }

  /** By lower-case name, to be changed at will. */
  get headers(): IncomingHttpHeaders {
    return this.#message.headers;
  }

  /** The caller's address. */
  get peer(): string | undefined {
    return this.#message.socket.remoteAddress;
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }
}
