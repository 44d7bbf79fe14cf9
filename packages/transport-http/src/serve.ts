import type { IncomingMessage, ServerResponse } from "node:http";
import { type Endpoint, KitError } from "@kit/endpoint";
import { type EndpointsOf, type Method, type Service, servedMethods } from "@kit/service";
import { addRoute, createRouter, findRoute } from "rou3";
import { statusError } from "./error.ts";
import { type Exchange, exchanger, type HttpServerOptions } from "./exchange.ts";
import { type HttpHandler, handlerOf } from "./handler.ts";
import { encodeJsonResponse, type JsonRequestOptions, jsonRequestDecoder } from "./json.ts";
import { limitsOf } from "./limits.ts";
import type { NodeMessage, NodeResponse } from "./node-listener.ts";
import type { HttpHeaders } from "./reply.ts";
import type { HttpRequest } from "./request.ts";
import { fromQuery, type Route, routeOf } from "./route.ts";

/** What else listens on a server; without `fetch`, on Node only. */
export interface OtherHandler {
  (message: IncomingMessage, response: ServerResponse): void;
  fetch?(request: Request): Promise<Response>;
}

export interface ServeHttpOptions extends HttpServerOptions, JsonRequestOptions {
  /** What all paths of the service begin with, such as `/addsvc`. @default `""` */
  readonly prefix?: string;
  /** Answers paths that the service does not have, such as `/metrics`: a handler, or any listener of Node's. @default 404 */
  readonly otherwise?: OtherHandler;
}

/**
 * Serves a whole service: each method at its route, JSON in and out, errors in Connect's shape. An unknown path is 404, a wrong verb 405 with `Allow`, both
 * `unimplemented`.
 *
 * @throws {TypeError} for a route that cannot be, two methods at one route, or a limit that is not a positive number.
 */
export function serveHttp<S extends Service>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: ServeHttpOptions = {},
): HttpHandler {
  const { prefix = "", otherwise } = options;
  if (!/^(\/[\w.~-]+)*$/.test(prefix)) throw new TypeError(`serveHttp: prefix must be like "/v1", got "${prefix}"`);
  const methods = Object.values<Method>(service.methods);
  const router = createRouter<Exchange>();
  const routes = new Map<string, Method>();
  const served = servedMethods(service, endpoints);
  for (const method of methods) {
    const { name } = method;
    const route = routeOf(method);
    const path = prefix + route.pattern;
    const place = `${route.verb || "any verb"} ${path.replaceAll(/:\w+/g, "{}")}`;
    const taken = routes.get(place);
    if (taken !== undefined) throw new TypeError(`serveHttp: ${taken.name} and ${name} are both at ${place}`);
    routes.set(place, method);
    addRoute(router, route.verb, path, exchangeOf(method, route, served.get(name)!, options));
  }
  const verbs = new Set(methods.map((method) => routeOf(method).verb));
  // HEAD is answered as GET; who sends the reply leaves the body out.
  if (verbs.has("GET")) verbs.add("HEAD");
  const find = (verb: string, path: string): ReturnType<typeof findRoute<Exchange>> =>
    findRoute(router, verb, path) ?? (verb === "HEAD" ? findRoute(router, "GET", path) : undefined);
  const exchange = exchanger("serveHttp", options);

  const nowhere = (request: HttpRequest): Exchange => ({
    service: service.name,
    method: "",
    decode: () => undefined,
    encode: () => {},
    endpoint: () =>
      Promise.reject(
        missing(
          request.path,
          [...verbs].filter((verb) => find(verb, request.path)),
        ),
      ),
  });
  const own = handlerOf(limitsOf("serveHttp", options), (request) => {
    const found = find(request.method, request.path);
    if (found === undefined) return exchange(request, nowhere(request));
    if (found.params !== undefined) request.params = found.params;
    return exchange(request, found.data);
  });
  if (otherwise === undefined) return own;

  const has = (url: string): boolean => {
    const path = url.split("?", 1)[0]!;
    return [...verbs].some((verb) => findRoute(router, verb, path) !== undefined);
  };
  const listener = (message: NodeMessage, response: NodeResponse): void => {
    if (has(message.url!)) own(message, response);
    // A listener of Node's takes http2's compatible pair as well, though its types may not say so.
    else otherwise(message as IncomingMessage, response as ServerResponse);
  };
  const fetch = (request: Request): Promise<Response> => {
    const ours = otherwise.fetch === undefined || has(new URL(request.url).pathname);
    return ours ? own.fetch(request) : otherwise.fetch!(request);
  };
  return Object.assign(listener, { fetch });
}

function exchangeOf(method: Method, route: Route, endpoint: Endpoint, options: JsonRequestOptions): Exchange {
  const { service, name } = method;
  const decodeBody = jsonRequestDecoder(options);
  const scattered = route.query || route.fields.length > 0;
  const decode = scattered
    ? async (request: HttpRequest) => gather(route, request, await decodeBody(request))
    : decodeBody;
  return { service, method: name, endpoint, decode, encode: encodeJsonResponse };
}

/** A request from its three places; the path is the most certain of them. */
function gather({ query }: Route, request: HttpRequest, body: unknown): unknown {
  if (body !== undefined && (typeof body !== "object" || body === null || Array.isArray(body))) {
    throw new KitError("invalid_argument", "body: not a JSON object");
  }
  return { ...(query && fromQuery(request.url)), ...body, ...unescaped(request.params) };
}

function unescaped(params: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch (cause) {
    throw new KitError("invalid_argument", "path: not valid percent-encoding", { cause });
  }
}

function missing(path: string, allowed: readonly string[]): KitError {
  if (allowed.length === 0) return statusError(404, "unimplemented", `no method at ${path}`);
  const headers = (): HttpHeaders => ({ allow: allowed.join(", ") });
  return Object.assign(statusError(405, "unimplemented", `${path} takes ${allowed.join(", ")}`), { headers });
}
