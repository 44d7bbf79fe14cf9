import { background, type CancellableContext, type Context, refusal } from "@kit/endpoint";
import { type Call, type CallWatch, parseJson } from "@kit/transport";
import { statusError } from "./error.ts";
import type { HttpLimits } from "./limits.ts";
import type { HttpReply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/** What all requests of one handler share. */
export interface Reading {
  readonly limits: Required<HttpLimits>;
  readonly calls: CallWatch;
}

/** What requests of all platforms share; each platform reads headers and body, and sends the reply, its own way. */
export abstract class IncomingRequest implements HttpRequest, Call {
  abstract readonly method: string;
  abstract readonly url: string;
  abstract readonly peer: string | undefined;
  params: Readonly<Record<string, string>> = noParams;
  place = -1;
  /** Called with the cause when the call ends. Listening to the context for that would take a timer each. */
  onOver: ((cause: Error) => void) | undefined = undefined;
  /** The body was given up on, so nothing more can come on this connection. */
  protected refused = false;
  protected readonly limits: Required<HttpLimits>;
  readonly #calls: CallWatch;
  #call: CancellableContext | undefined = undefined;
  /** Set while the body is on its way. */
  #stop: ((error: Error) => void) | undefined = undefined;
  #since = 0;

  constructor({ limits, calls }: Reading) {
    this.limits = limits;
    this.#calls = calls;
  }

  /** Begins the call, which has so long. */
  begin(timeoutMs: number): Context {
    this.#calls.add(this);
    return (this.#call = timeoutMs === Infinity ? background.withCancel() : background.withTimeout(timeoutMs));
  }

  look(): void {
    const { bodyTimeoutMs } = this.limits;
    const cause = this.#call?.cancelled;
    if (cause !== undefined) this.onOver?.(cause);
    else if (this.#stop !== undefined && performance.now() - this.#since > bodyTimeoutMs) {
      this.refused = true;
      this.#stop(statusError(408, "deadline_exceeded", `body: did not arrive within ${bodyTimeoutMs} ms`));
    }
  }

  /** The reply is out or the caller has gone: lets go of what the call holds. */
  end(): void {
    this.#calls.delete(this);
    this.#call?.cancel();
    this.#stop?.(goneError());
    this.onOver?.(this.#call!.cancelled!);
  }

  /** The body is on its way; `stop` is for when it takes too long, or the caller goes away. */
  protected arriving(stop: (error: Error) => void): void {
    this.#stop = stop;
    this.#since = performance.now();
  }

  /** The body has come, or been given up on. */
  protected arrived(): void {
    this.#stop = undefined;
  }

  protected tooLarge(): Error {
    this.refused = true;
    return statusError(413, "resource_exhausted", `body: larger than ${this.limits.maxBytes} bytes`);
  }

  /** How many header lines came. */
  abstract readonly headerCount: number;

  abstract header(name: string): string | undefined;
  abstract bytes(): Promise<Uint8Array>;
  abstract stream(): AsyncIterable<Uint8Array>;

  /** Sends the reply. Called at most once. */
  abstract send(reply: HttpReply): void;
  /** Leaves the caller without a reply. */
  abstract drop(cause: unknown): void;

  get path(): string {
    const { url } = this;
    const query = url.indexOf("?");
    return query === -1 ? url : url.slice(0, query);
  }

  text(): Promise<string> {
    return this.bytes().then(textOf);
  }

  json(): Promise<unknown> {
    return this.bytes().then(jsonOf);
  }
}

export function goneError(cause?: unknown): Error {
  return refusal("canceled", "body: the caller went away", { cause });
}

function textOf(bytes: Uint8Array): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString();
}

/** The JSON of a body, `undefined` for an empty one. */
export function jsonOf(bytes: Uint8Array): unknown {
  return bytes.length === 0 ? undefined : parseJson(textOf(bytes));
}
