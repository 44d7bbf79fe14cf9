import { type EndpointsOf, type Service, servedMethods } from "@kit/service";
import { decodeJsonRequest, encodeJson } from "./json.ts";
import { type NatsServer, type NatsServerOptions, serveAt } from "./server.ts";
import { queueOf } from "./subject.ts";
import { type NatsSubjects, subjectsOf } from "./subjects.ts";

export interface ServeNatsOptions<S extends Service = Service> extends NatsServerOptions, NatsSubjects<S> {
  /** The queue group whose members share the requests. @default the service's name */
  readonly queue?: string;
}

/**
 * Serves a whole service from now on: each method at its subject, JSON in and out. All instances with one `queue` share the calls.
 *
 * @throws {TypeError} for what cannot be a subject or a queue group, two methods at one subject, or a limit that is not a positive number; the driver's error for a
 *   closed connection.
 */
export function serveNats<S extends Service>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: ServeNatsOptions<S>,
): NatsServer {
  const queue = queueOf("serveNats", options.queue ?? service.name);
  const subjects = subjectsOf("serveNats", service, options);
  const taken = new Set<string>();
  for (const subject of subjects.values()) {
    if (taken.has(subject)) throw new TypeError(`serveNats: two methods of ${service.name} are at "${subject}"`);
    taken.add(subject);
  }
  const places = Array.from(servedMethods(service, endpoints), ([method, endpoint]) => ({
    subject: subjects.get(method)!,
    queue,
    service: service.name,
    method,
    endpoint,
    decode: decodeJsonRequest,
    encode: encodeJson,
  }));
  return serveAt("serveNats", places, options);
}
