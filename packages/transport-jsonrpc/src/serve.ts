import { type EndpointsOf, type Service, servedMethods } from "@kit/service";
import type { HttpHandler } from "@kit/transport-http";
import { jsonrpcHandler, type JsonrpcServerOptions } from "./handler.ts";

export interface ServeJsonrpcOptions extends JsonrpcServerOptions {}

/**
 * Serves a whole service, each method by its own name, on every path. To give it one, let `serveHttp` have it as `otherwise`, or route to it.
 *
 * @throws {TypeError} for a method without an endpoint, or a limit that is not a positive number.
 */
export function serveJsonrpc<S extends Service>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: ServeJsonrpcOptions = {},
): HttpHandler {
  const methods = Array.from(servedMethods(service, endpoints), ([name, endpoint]) => [name, { endpoint }]);
  return jsonrpcHandler(Object.fromEntries(methods), { ...options, service: service.name });
}
