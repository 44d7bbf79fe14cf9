import type { IncomingMessage, ServerResponse } from "node:http";
import { binaryService, type ProtobufMethod, type ProtobufService } from "@kit/protobuf";
import { type EndpointsOf, servedMethods } from "@kit/service";
import {
  type HttpHandler,
  httpHandler,
  type HttpServerOptions,
  type OtherHandler,
  statusError,
} from "@kit/transport-http";
import { asBytes } from "./as-bytes.ts";
import { httpProtoHandler } from "./handler.ts";

export interface ServeHttpProtoOptions extends HttpServerOptions {
  /** What all paths begin with, such as `/api`. @default `""` */
  readonly prefix?: string;
  /** Answers paths that the service does not have: a handler, or any listener of Node's. @default 404 */
  readonly otherwise?: OtherHandler;
}

/**
 * Serves the unary methods of a whole service, each by POST at the path that the IDL gives it, `/<package>.<Service>/<Method>`. An unknown path is 404, another verb 405.
 *
 * @throws {TypeError} for a method that streams, one without an endpoint, or a limit that is not a positive number.
 */
export function serveHttpProto<S extends ProtobufService>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: ServeHttpProtoOptions = {},
): HttpHandler {
  const { prefix = "", otherwise, ...rest } = options;
  const nowhere = notFound(service.name, rest);
  if (!/^(\/[\w.~-]+)*$/.test(prefix))
    throw new TypeError(`serveHttpProto: prefix must be like "/v1", got "${prefix}"`);
  // A reply may be as long as its endpoint makes it.
  const served = servedMethods(binaryService(service, Infinity), endpoints);
  const handlers = new Map<string, HttpHandler>();
  for (const { name, path, requestStream, responseStream } of Object.values<ProtobufMethod>(service.methods)) {
    if (requestStream || responseStream) throw new TypeError(`serveHttpProto: ${service.name}.${name} streams`);
    const codecs = { requestCodec: asBytes, responseCodec: asBytes };
    const hooks = { ...rest, before: [onlyPost, ...(rest.before ?? [])] };
    const endpoint = served.get(name)! as EndpointsOf<ProtobufService>[string];
    handlers.set(
      prefix + path,
      httpProtoHandler(endpoint, { ...hooks, ...codecs, service: service.name, method: name }),
    );
  }

  const handlerAt = (path: string): OtherHandler => handlers.get(path) ?? otherwise ?? nowhere;
  const listener = (message: IncomingMessage, response: ServerResponse): void =>
    handlerAt(message.url!.split("?", 1)[0]!)(message, response);
  const fetch = (request: Request): Promise<Response> => {
    const handler = handlerAt(new URL(request.url).pathname);
    return (handler.fetch ?? nowhere.fetch)(request);
  };
  return Object.assign(listener as HttpHandler, { fetch });
}

const onlyPost: NonNullable<HttpServerOptions["before"]>[number] = (ctx, { method, path }) => {
  if (method === "POST") return ctx;
  const error = statusError(405, "unimplemented", `${path} takes POST`);
  throw Object.assign(error, { headers: () => ({ allow: "POST" }) });
};

function notFound(service: string, options: HttpServerOptions): HttpHandler {
  const decode = ({ path }: { readonly path: string }): never => {
    throw statusError(404, "unimplemented", `no method at ${path}`);
  };
  return httpHandler(async () => undefined, { ...options, decode, service, method: "" });
}
