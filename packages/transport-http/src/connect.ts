import { type ClientOf, clientOf, type Service } from "@kit/service";
import { caller, type HttpClientCommon, type Operation } from "./client.ts";
import type { ClientResponse } from "./client-message.ts";
import { decodeJsonResponse, encodeJsonRequest } from "./json.ts";
import { fillRoute, routeOf } from "./route.ts";
import { undiciSender } from "./undici-sender.ts";

export interface ConnectHttpOptions extends HttpClientCommon {
  /** Where the service is: `http://host:port`, with the prefix that it is served under, if any. */
  readonly url: string | URL;
  /** Sees every response, whatever its status. @default {@link decodeJsonResponse}; {@link decodePlainResponse} knows the errors of a go-kit server */
  readonly decode?: (response: ClientResponse) => unknown;
}

/**
 * A client of a whole service, over one pool of connections, made when first used. Dispose it to close them.
 *
 * Calls reject with the `KitError` that the server sent, `unavailable` when it cannot be reached, or the context's own cause.
 *
 * @throws {TypeError} when the URL is not one.
 */
export function connectHttp<S extends Service>(service: S, options: ConnectHttpOptions): ClientOf<S> {
  const { url, sender = undiciSender({ origin: url }), decode = decodeJsonResponse } = options;
  const prefix = new URL(url).pathname.replace(/\/$/, "");
  const call = caller(sender, options, false);
  return clientOf(
    service,
    (method) => {
      const route = routeOf(method);
      const operation: Operation = {
        method: route.verb || "POST",
        path: prefix,
        encode: (request, message) => {
          const { path, rest } = fillRoute(route, request);
          message.path += path;
          encodeJsonRequest(rest, message);
        },
        decode,
      };
      return (request, ctx) => call(operation, request, ctx);
    },
    async () => {
      if (options.sender === undefined) await sender.close();
    },
  );
}
