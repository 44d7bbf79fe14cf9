import { type EndpointsOf, servedMethods } from "@kit/service";
import { argsOf, handlerOf, setValue, type ThriftHandler, type ThriftServerOptions } from "./handler.ts";
import type { ThriftMethod, ThriftService } from "./service.ts";

export interface ServeThriftOptions extends ThriftServerOptions {}

/**
 * Serves a whole service from its IDL.
 *
 * @throws {TypeError} for a missing endpoint, or a limit that is not a positive number.
 */
export function serveThrift<S extends ThriftService>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: ServeThriftOptions = {},
): ThriftHandler {
  const served = servedMethods(service, endpoints);
  const methods = Object.values<ThriftMethod>(service.methods);
  return handlerOf(
    methods.map((method) => ({
      method,
      operation: { endpoint: served.get(method.name)!, decode: argsOf, encode: setValue },
    })),
    options,
  );
}
