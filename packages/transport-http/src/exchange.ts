import { callInfo, type Context, type Endpoint } from "@kit/endpoint";
import { HttpCallInfo, openCall } from "./envelope.ts";
import { encodeError, type ErrorEncoder, statusError } from "./error.ts";
import type { IncomingRequest } from "./incoming.ts";
import { type HttpLimits, limitsOf } from "./limits.ts";
import { bodyLength, type HttpHeaders, type HttpReply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";

/** How a reply went, for finalizers. */
export interface HttpOutcome {
  readonly request: HttpRequest;
  readonly status: number;
  readonly headers: Readonly<HttpHeaders>;
  /** Of the body; 0 for a stream, whose length is not known beforehand. */
  readonly bytes: number;
  readonly error: unknown;
}

/** What go-kit calls ServerOptions, by its names. They run in this order: before, decode, the endpoint, after, encode; finalizer always. */
export interface HttpServerHooks {
  /** Run in turn before decoding; each may return another context. @see go-kit ServerBefore */
  readonly before?: readonly ((ctx: Context, request: HttpRequest) => Context)[];
  /** Run in turn after the endpoint has succeeded and before encoding; they may write headers. @see go-kit ServerAfter */
  readonly after?: readonly ((ctx: Context, reply: HttpReply) => Context | void)[];
  /** Turns an error of any step into the reply. @default {@link encodeError} */
  readonly errorEncoder?: ErrorEncoder;
  /** Hears of each error of any step before it is encoded: the place for logs. It changes nothing. @default nobody hears. @see go-kit ServerErrorHandler */
  readonly onError?: (error: unknown, ctx: Context | undefined) => void;
  /** Run in turn when the reply is made. @see go-kit ServerFinalizer */
  readonly finalizer?: readonly ((ctx: Context | undefined, outcome: HttpOutcome) => void)[];
}

/** Options of every HTTP server side. */
export interface HttpServerOptions extends HttpServerHooks, HttpLimits {}

/** One operation, between the bytes. */
export interface Exchange<Request = any, Response = any> {
  readonly service: string;
  readonly method: string;
  readonly endpoint: Endpoint<Request, Response>;
  readonly decode: (request: HttpRequest, ctx: Context) => Request | Promise<Request>;
  readonly encode: (response: Response, reply: HttpReply, ctx: Context) => void | Promise<void>;
}

/** Runs one request through one exchange. Whatever fails becomes a reply; only a finalizer that throws makes it reject. */
export type Exchanger = (request: IncomingRequest, exchange: Exchange) => Promise<HttpReply>;

export function exchanger(where: string, options: HttpServerOptions): Exchanger {
  const { before = [], after = [], errorEncoder = encodeError, onError, finalizer = [] } = options;
  const { maxHeaders, maxTimeoutMs } = limitsOf(where, options);

  const fail = async (error: unknown, ctx: Context | undefined): Promise<HttpReply> => {
    onError?.(error, ctx);
    const reply: HttpReply = { status: 500, headers: {}, body: undefined };
    await errorEncoder(error, reply, ctx);
    return reply;
  };

  return async (request, { service, method, endpoint, decode, encode }) => {
    let ctx: Context | undefined;
    let failure: unknown;
    let reply: HttpReply = { status: 200, headers: {}, body: undefined };
    try {
      if (request.headerCount > maxHeaders) {
        throw statusError(431, "resource_exhausted", `more than ${maxHeaders} headers`);
      }
      ctx = openCall(request, maxTimeoutMs).with(callInfo, new HttpCallInfo(service, method, request));
      for (const hook of before) ctx = hook(ctx, request);
      const decoded = await decode(request, ctx);
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      const response = await request.until(endpoint(decoded, ctx));
      for (const hook of after) ctx = hook(ctx, reply) ?? ctx;
      const encoding = encode(response, reply, ctx);
      // Most encode at once, and even an await of nothing costs a turn of the queue.
      if (encoding !== undefined) await encoding;
    } catch (error) {
      failure = error;
      try {
        reply = await fail(error, ctx);
      } catch (broken) {
        failure = broken;
        reply = { status: 500, headers: {}, body: undefined };
        encodeError(broken, reply);
      }
    }
    if (finalizer.length > 0) {
      const { status, headers } = reply;
      const outcome = { request, status, headers, bytes: bodyLength(reply) ?? 0, error: failure };
      for (const hook of finalizer) hook(ctx, outcome);
    }
    return reply;
  };
}
