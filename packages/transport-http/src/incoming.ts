import type { CancellableContext } from "@kit/endpoint";
import type { BodyWatch } from "./body-watch.ts";
import { statusError } from "./error.ts";
import { jsonRequestDecoder } from "./json.ts";
import type { HttpLimits } from "./limits.ts";
import type { HttpRequest } from "./request.ts";

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/** What all requests of one handler are read with. */
export interface Reading {
  readonly limits: Required<HttpLimits>;
  readonly watch: BodyWatch;
}

const decodeJson = jsonRequestDecoder();

/** What requests of all platforms share; each platform reads headers and body its own way. */
export abstract class IncomingRequest implements HttpRequest {
  abstract readonly method: string;
  abstract readonly url: string;
  abstract readonly peer: string | undefined;
  params: Readonly<Record<string, string>> = noParams;
  /** The life of the call, which the listener ends when the caller goes away. */
  call: CancellableContext | undefined = undefined;
  /** The body was given up on, so nothing more can come on this connection. */
  refused = false;
  protected readonly limits: Required<HttpLimits>;
  protected readonly watch: BodyWatch;

  constructor({ limits, watch }: Reading) {
    this.limits = limits;
    this.watch = watch;
  }

  /** How many header lines came. */
  abstract readonly headerCount: number;

  abstract header(name: string): string | undefined;
  abstract bytes(): Promise<Uint8Array>;
  abstract stream(): AsyncIterable<Uint8Array>;

  get path(): string {
    const { url } = this;
    const query = url.indexOf("?");
    return query === -1 ? url : url.slice(0, query);
  }

  async text(): Promise<string> {
    const { buffer, byteOffset, byteLength } = await this.bytes();
    return Buffer.from(buffer, byteOffset, byteLength).toString();
  }

  json(): Promise<unknown> {
    return decodeJson(this);
  }

  protected tooLarge(): Error {
    this.refused = true;
    return statusError(413, "resource_exhausted", `body: larger than ${this.limits.maxBytes} bytes`);
  }

  protected tooSlow(): Error {
    this.refused = true;
    return statusError(408, "deadline_exceeded", `body: did not arrive within ${this.limits.bodyTimeoutMs} ms`);
  }
}
