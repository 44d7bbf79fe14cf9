import type { Context, Endpoint } from "@kit/endpoint";
import type { ClientRequest, ClientResponse } from "./client-message.ts";
import { writeEnvelope } from "./envelope.ts";
import { decodeJsonResponse, encodeJsonRequest } from "./json.ts";
import type { HttpHeaders } from "./reply.ts";
import type { HttpSender } from "./sender.ts";
import { undiciSender } from "./undici-sender.ts";

/** How a call went, for finalizers. */
export interface HttpClientOutcome {
  readonly request: ClientRequest;
  /** Missing when none came. */
  readonly response: ClientResponse | undefined;
  readonly error: unknown;
}

/** What go-kit calls ClientOptions, by its names. They run in this order: encode, before, the call, after, decode; finalizer always. */
export interface HttpClientHooks {
  /** Run in turn when the request is encoded; they may write headers, and return another context. @see go-kit ClientBefore */
  readonly before?: readonly ((ctx: Context, request: ClientRequest) => Context | void)[];
  /** Run in turn on the response before it is decoded, whatever its status. @see go-kit ClientAfter */
  readonly after?: readonly ((ctx: Context, response: ClientResponse) => Context | void)[];
  /** Run in turn at the end, also of a call that failed. @see go-kit ClientFinalizer */
  readonly finalizer?: readonly ((ctx: Context, outcome: HttpClientOutcome) => void)[];
}

/** Options of every HTTP client. */
export interface HttpClientCommon extends HttpClientHooks {
  /** Sent with each request, by lower-case name. @default none */
  readonly headers?: HttpHeaders;
  /** The longest reply taken into memory, in bytes. @default 4_194_304 — a reply may be larger than what a stranger may send us; gRPC's bound too */
  readonly maxBytes?: number;
  /** What takes the requests; yours, so yours to close. @default an `undiciSender` of the client's own, closed with it */
  readonly sender?: HttpSender;
}

/** One endpoint over HTTP, each step in your hands. */
export interface HttpClientOptions<Request, Response> extends HttpClientCommon {
  /** Where requests go, path and query included. */
  readonly url: string | URL;
  /** @default `POST` */
  readonly method?: string;
  /** Writes the request: body, headers, even path and method. @default JSON, see {@link encodeJsonRequest} */
  readonly encode?: (request: Request, message: ClientRequest, ctx: Context) => void | Promise<void>;
  /** Sees every response, whatever its status. @default {@link decodeJsonResponse}, for which a status beyond 2xx is the error that the server sent; {@link decodePlainResponse} knows those of a go-kit server */
  readonly decode?: (response: ClientResponse, ctx: Context) => Response | Promise<Response>;
  /** Hand `decode` the body as a stream, unbounded; it must be read to its end or destroyed. @default false. @see go-kit BufferedStream */
  readonly stream?: boolean;
}

/** An endpoint that lets go of its connections when it is disposed. */
export type HttpClient<Request = any, Response = any> = Endpoint<Request, Response> & AsyncDisposable;

/**
 * An endpoint elsewhere. The deadline and the carried values of the context go along; when the context ends, so does the request.
 *
 * @throws {TypeError} when the URL is not one.
 * @see go-kit transport/http NewClient
 */
export function httpClient<Request = any, Response = any>(
  options: HttpClientOptions<Request, Response>,
): HttpClient<Request, Response> {
  const { url, method = "POST", encode = encodeJsonRequest, decode = decodeJsonResponse, stream = false } = options;
  const { sender = undiciSender({ origin: url }) } = options;
  const { pathname, search } = new URL(url);
  const call = caller(sender, options, stream);
  const endpoint: Endpoint<Request, Response> = (request, ctx) =>
    call({ method, path: pathname + search, encode, decode }, request, ctx);
  const close = async (): Promise<void> => {
    if (options.sender === undefined) await sender.close();
  };
  return Object.assign(endpoint, { [Symbol.asyncDispose]: close });
}

/** What differs from one operation to the next. */
export interface Operation<Request = any, Response = any> {
  readonly method: string;
  readonly path: string;
  readonly encode: (request: Request, message: ClientRequest, ctx: Context) => void | Promise<void>;
  readonly decode: (response: ClientResponse, ctx: Context) => Response | Promise<Response>;
}

type Call = (operation: Operation, request: unknown, ctx: Context) => Promise<any>;

/** The steps that all clients of one sender share. */
export function caller(sender: HttpSender, options: HttpClientCommon, stream: boolean): Call {
  const { before = [], after = [], finalizer = [], headers = {}, maxBytes = 4_194_304 } = options;
  if (!(maxBytes > 0)) throw new TypeError(`httpClient: maxBytes must be a positive number, got ${maxBytes}`);
  const sendOptions = { maxBytes, stream };
  return async ({ method, path, encode, decode }, request, callerCtx) => {
    let ctx = callerCtx;
    if (ctx.cancelled !== undefined) throw ctx.cancelled;
    const message: ClientRequest = { method, path, headers: { ...headers }, body: undefined };
    let response: ClientResponse | undefined;
    let failure: unknown;
    try {
      await encode(request, message, ctx);
      for (const hook of before) ctx = hook(ctx, message) ?? ctx;
      writeEnvelope(ctx, message.headers);
      response = await sender.send(message, ctx, sendOptions);
      for (const hook of after) ctx = hook(ctx, response) ?? ctx;
      return await decode(response, ctx);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      for (const hook of finalizer) hook(ctx, { request: message, response, error: failure });
    }
  };
}
