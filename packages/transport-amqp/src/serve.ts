import { type EndpointsOf, type Method, type Service, servedMethods } from "@kit/service";
import { decodeJsonRequest, encodeJson } from "./json.ts";
import { type AmqpServer, amqpServer, type AmqpServerCommon } from "./server.ts";

export interface ServeAmqpOptions extends AmqpServerCommon {
  /** The queue of a method. @default `<service>.<method>` */
  readonly queueOf?: (method: string) => string;
}

/**
 * Serves a whole service: each method from its queue, JSON in and out, errors in Connect's shape. It consumes from now on.
 *
 * @throws {TypeError} when a queue's name cannot be one, two methods have one queue, or a limit is not a positive number.
 */
export function serveAmqp<S extends Service>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: ServeAmqpOptions,
): AmqpServer {
  const { queueOf = (method) => `${service.name}.${method}` } = options;
  const served = servedMethods(service, endpoints);
  const operations = Object.values<Method>(service.methods).map(({ name }) => ({
    queue: queueOf(name),
    service: service.name,
    method: name,
    endpoint: served.get(name)!,
    decode: decodeJsonRequest,
    encode: encodeJson,
  }));
  return amqpServer("serveAmqp", options, operations);
}
