import type { Context, Endpoint } from "@kit/endpoint";
import { CallWatch } from "@kit/transport";
import { exchanger, type HttpServerOptions } from "./exchange.ts";
import { serveFetch } from "./fetch-listener.ts";
import { encodeJsonResponse, jsonRequestDecoder } from "./json.ts";
import { type HttpLimits, limitsOf } from "./limits.ts";
import { type NodeMessage, NodeRequest, type NodeResponse } from "./node-listener.ts";
import type { HttpReply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";
import type { IncomingRequest } from "./incoming.ts";

/**
 * Serves HTTP on either kind of platform: pass it to `http.createServer`, `https.createServer` or `http2.createSecureServer`, or hand its `fetch` to
 * Bun, Deno or a worker. Sockets, TLS and ports stay yours.
 */
export interface HttpHandler {
  (message: NodeMessage, response: NodeResponse): void;
  fetch(request: Request): Promise<Response>;
}

/** One endpoint over HTTP, each step in your hands. */
export interface HttpHandlerOptions<Request, Response> extends HttpServerOptions {
  /** @default the JSON body. Throw a `KitError` to refuse a request. */
  readonly decode?: (request: HttpRequest, ctx: Context) => Request | Promise<Request>;
  /** @default JSON, see {@link encodeJsonResponse} */
  readonly encode?: (response: Response, reply: HttpReply, ctx: Context) => void | Promise<void>;
  /** What `callInfo` names the call for logs and metrics. @default `""` and the path */
  readonly service?: string;
  readonly method?: string;
}

/**
 * Serves one endpoint on every path and with every verb it is asked with.
 *
 * @throws {TypeError} for a limit that is not a positive number.
 * @see go-kit transport/http NewServer
 */
export function httpHandler<Request = any, Response = any>(
  endpoint: Endpoint<Request, Response>,
  options: HttpHandlerOptions<Request, Response> = {},
): HttpHandler {
  const { decode = jsonRequestDecoder(), encode = encodeJsonResponse, service = "", method } = options;
  const exchange = exchanger("httpHandler", options);
  return handlerOf(limitsOf("httpHandler", options), (request) =>
    exchange(request, { service, method: method ?? request.path, endpoint, decode, encode }),
  );
}

/** Both platforms' listeners around one function from request to reply. */
export function handlerOf(limits: Required<HttpLimits>, run: (request: IncomingRequest) => unknown): HttpHandler {
  const reading = { limits, calls: new CallWatch() };
  const listener = (message: NodeMessage, response: NodeResponse): void => {
    run(new NodeRequest(message, response, reading));
  };
  return Object.assign(listener, { fetch: (request: Request) => serveFetch(request, reading, run) });
}
