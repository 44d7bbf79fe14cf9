import { background, type CancellableContext, type Context } from "@kit/endpoint";
import type { BodyWatch } from "./body-watch.ts";
import type { Call, CallWatch } from "./call-watch.ts";
import { statusError } from "./error.ts";
import { jsonRequestDecoder } from "./json.ts";
import type { HttpLimits } from "./limits.ts";
import type { HttpRequest } from "./request.ts";

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/** What all requests of one handler are read with. */
export interface Reading {
  readonly limits: Required<HttpLimits>;
  readonly bodies: BodyWatch;
  readonly calls: CallWatch;
}

const decodeJson = jsonRequestDecoder();

/** What requests of all platforms share; each platform reads headers and body its own way. */
export abstract class IncomingRequest implements HttpRequest, Call {
  abstract readonly method: string;
  abstract readonly url: string;
  abstract readonly peer: string | undefined;
  params: Readonly<Record<string, string>> = noParams;
  /** The body was given up on, so nothing more can come on this connection. */
  refused = false;
  readonly #reading: Reading;
  #call: CancellableContext | undefined = undefined;
  #giveUp: ((cause: Error) => void) | undefined = undefined;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  protected get limits(): Required<HttpLimits> {
    return this.#reading.limits;
  }

  protected get bodies(): BodyWatch {
    return this.#reading.bodies;
  }

  /** Begins the call, which has so long. */
  begin(timeoutMs: number): Context {
    if (timeoutMs === Infinity) return (this.#call = background.withCancel());
    this.#reading.calls.add(this);
    return (this.#call = background.withTimeout(timeoutMs));
  }

  /** The work's outcome, or a rejection with the cause if the call ends first. To listen to the context for that would take a timer. */
  until<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      work.then(resolve, reject);
    });
  }

  look(): void {
    const cause = this.#call?.cancelled;
    if (cause !== undefined) this.#giveUp?.(cause);
  }

  /** The reply is out or the caller has gone: lets go of what the call holds. */
  end(): void {
    this.#reading.calls.delete(this);
    this.#call?.cancel();
    this.look();
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

  text(): Promise<string> {
    return this.bytes().then(textOf);
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

function textOf(bytes: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = bytes;
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(buffer, byteOffset, byteLength)).toString();
}
