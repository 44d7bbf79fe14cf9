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
  readonly before?: readonly ((ctx: Context, request: HttpRequest) => Context | void)[];
  /** Run in turn after the endpoint has succeeded and before encoding; they may write headers. @see go-kit ServerAfter */
  readonly after?: readonly ((ctx: Context, reply: HttpReply) => Context | void)[];
  /** Turns an error of any step into the reply. @default `encodeError` */
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

/** Runs one request through one exchange, to the reply. Whatever fails becomes a reply, except a finalizer that throws: then there is none. */
export type Exchanger = (request: IncomingRequest, exchange: Exchange) => Promise<void>;

export function exchanger(where: string, options: HttpServerOptions): Exchanger {
  const { before = [], after = [], errorEncoder = encodeError, onError, finalizer = [] } = options;
  const { maxHeaders, maxTimeoutMs } = limitsOf(where, options);

  function finish(request: IncomingRequest, ctx: Context | undefined, reply: HttpReply, error?: unknown): void {
    try {
      if (finalizer.length > 0) {
        const { status, headers } = reply;
        const outcome = { request, status, headers, bytes: bodyLength(reply) ?? 0, error };
        for (const hook of finalizer) hook(ctx, outcome);
      }
      request.send(reply);
    } catch (broken) {
      request.drop(broken);
    }
  }

  async function fail(request: IncomingRequest, ctx: Context | undefined, error: unknown): Promise<void> {
    request.onOver = undefined;
    const reply = newReply(500);
    try {
      onError?.(error, ctx);
      await errorEncoder(error, reply, ctx);
    } catch (broken) {
      const plain = newReply(500);
      encodeError(broken, plain);
      return finish(request, ctx, plain, broken);
    }
    finish(request, ctx, reply, error);
  }

  return async (request, { service, method, endpoint, decode, encode }) => {
    let ctx: Context | undefined;
    let answered = false;
    const reply = newReply(200);
    try {
      if (request.headerCount > maxHeaders) {
        throw statusError(431, "resource_exhausted", `more than ${maxHeaders} headers`);
      }
      ctx = openCall(request, maxTimeoutMs).with(callInfo, new HttpCallInfo(service, method, request));
      for (const hook of before) ctx = hook(ctx, request) ?? ctx;
      const decoded = await decode(request, ctx);
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      request.onOver = (cause) => {
        answered = true;
        void fail(request, ctx, cause);
      };
      const response = await endpoint(decoded, ctx);
      if (answered) return;
      request.onOver = undefined;
      for (const hook of after) ctx = hook(ctx, reply) ?? ctx;
      const encoding = encode(response, reply, ctx);
      // Most encode at once, and even an await of nothing costs a turn of the queue.
      if (encoding !== undefined) await encoding;
    } catch (error) {
      return answered ? undefined : fail(request, ctx, error);
    }
    finish(request, ctx, reply);
  };
}

function newReply(status: number): HttpReply {
  return { status, headers: {}, body: undefined };
}
