import { Readable } from "node:stream";
import { type Context, KitError } from "@kit/endpoint";
import type { Dispatcher, Pool } from "undici";
import { ClientResponse, type ClientRequest } from "./client-message.ts";
import type { HttpSender, SendOptions } from "./sender.ts";

export interface UndiciSenderOptions {
  /** `http://host:port` or `https://…`; a path is not taken. */
  readonly origin: string | URL;
  /** The most connections at once; further calls wait for one within their deadline. @default 128 — well over what one process keeps busy, well under a port range */
  readonly connections?: number;
  /** How long connecting may take, in ms. @default 5_000 — a dead host should cost an attempt, not the call */
  readonly connectTimeoutMs?: number;
  /** How long an idle connection is kept, in ms; a server's `Keep-Alive` hint overrules it. @default 4_000 — just under the 5 s after which Node's servers close theirs */
  readonly keepAliveMs?: number;
  /** TLS settings of undici's connector: `ca`, `cert`, `key`, `servername`, … @default Node's */
  readonly tls?: Readonly<Record<string, unknown>>;
}

/**
 * A pool of connections to one origin, for all clients that are given it. undici is loaded, and connections are made, when the first
 * request is sent.
 *
 * @throws {TypeError} when the origin is not an HTTP URL.
 */
export function undiciSender(options: UndiciSenderOptions): HttpSender {
  const { connections = 128, connectTimeoutMs = 5_000, keepAliveMs = 4_000, tls = {} } = options;
  const origin = originOf("undiciSender", options.origin);
  let pool: Pool | undefined;
  let opening: Promise<Pool> | undefined;
  let closed: Promise<void> | undefined;

  const open = async (): Promise<Pool> => {
    const undici = await import("undici");
    return (pool = new undici.Pool(origin, {
      connections,
      keepAliveTimeout: keepAliveMs,
      connect: { timeout: connectTimeoutMs, ...tls },
      // The call's own deadline is the bound; undici's would be a second, coarser one.
      headersTimeout: 0,
      bodyTimeout: 0,
    }));
  };

  const send: HttpSender["send"] = (message, ctx, sendOptions) => {
    if (closed !== undefined)
      return Promise.reject(new KitError("unavailable", "http: the client is closed", { notSent: true }));
    if (pool !== undefined) return dispatch(pool, message, ctx, sendOptions);
    return (opening ??= open()).then((opened) => dispatch(opened, message, ctx, sendOptions));
  };
  const close = (): Promise<void> => (closed ??= Promise.resolve(opening).then((opened) => opened?.destroy()));
  return { send, close, [Symbol.asyncDispose]: close };
}

/** The origin of an HTTP URL. @throws {TypeError} for anything else. */
export function originOf(where: string, url: string | URL): string {
  const text = String(url);
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new TypeError(`${where}: not an http or https URL: "${text}"`);
  }
  return new URL(text).origin;
}

function dispatch(pool: Pool, message: ClientRequest, ctx: Context, options: SendOptions): Promise<ClientResponse> {
  return new Promise((resolve, reject) => {
    const reception = new Reception(ctx, options, resolve, reject);
    pool.dispatch(
      {
        path: message.path,
        method: message.method,
        headers: message.headers as Record<string, string | string[]>,
        body: isStream(message.body) ? Readable.from(message.body) : (message.body ?? null),
      },
      reception,
    );
  });
}

function isStream(body: ClientRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && !(body instanceof Uint8Array);
}

/** Receives one response: what `pool.request` does, without its stream, which most calls do not need. */
class Reception implements Dispatcher.DispatchHandler {
  readonly #options: SendOptions;
  readonly #resolve: (response: ClientResponse) => void;
  readonly #reject: (error: Error) => void;
  readonly #forget: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #cause: Error | undefined;
  #status = 0;
  #headers: ClientResponse["headers"] = {};
  #chunks: Buffer[] = [];
  #length = 0;
  #stream: Readable | undefined;

  constructor(
    ctx: Context,
    options: SendOptions,
    resolve: (response: ClientResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#forget = ctx.onCancel((cause) => this.#stop(cause));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#cause !== undefined) controller.abort(this.#cause);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ClientResponse["headers"]): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (!this.#options.stream) return;
    this.#stream = new Readable({
      read: () => controller.resume(),
      destroy: (error, done) => {
        this.#stop(error ?? new KitError("canceled", "http: the body was not read to its end"));
        done(error);
      },
    });
    // Who reads it is told. Without a listener of its own a call that ends before anybody reads would take the process down.
    this.#stream.on("error", () => {});
    this.#resolve(new ClientResponse(status, headers, Buffer.alloc(0), this.#stream));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream !== undefined) {
      if (!this.#stream.push(chunk)) controller.pause();
      return;
    }
    this.#length += chunk.length;
    if (this.#length > this.#options.maxBytes) {
      this.#stop(new KitError("resource_exhausted", `http: a reply of more than ${this.#options.maxBytes} bytes`));
    } else {
      this.#chunks.push(chunk);
    }
  }

  onResponseEnd(): void {
    this.#forget();
    this.#controller = undefined;
    if (this.#stream !== undefined) {
      this.#stream.push(null);
      return;
    }
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#length);
    this.#resolve(new ClientResponse(this.#status, this.#headers, body));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#forget();
    const failure = this.#cause ?? connectionError(error, this.#controller === undefined);
    this.#controller = undefined;
    this.#reject(failure);
    this.#stream?.destroy(failure);
  }

  /** Ends the call now, whatever the connection still does. */
  #stop(cause: Error): void {
    this.#cause ??= cause;
    this.#forget?.();
    this.#reject(cause);
    this.#controller?.abort(cause);
  }
}

function connectionError(cause: Error, notSent: boolean): KitError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "UND_ERR_INVALID_ARG")
    return new KitError("invalid_argument", `http: ${cause.message}`, { cause, notSent });
  return new KitError(
    "unavailable",
    `http: ${notSent ? "cannot connect" : "the connection broke"}${code ? ` (${code})` : ""}`,
    {
      cause,
      notSent,
    },
  );
}
