import type { Context, Endpoint } from "@kit/endpoint";
import type { NatsIncoming } from "./incoming.ts";
import { decodeJsonRequest, encodeJson } from "./json.ts";
import type { NatsOutgoing } from "./outgoing.ts";
import { type NatsServer, type NatsServerOptions, serveAt } from "./server.ts";
import { queueOf, subjectOf } from "./subject.ts";

/** One endpoint over NATS, each step in your hands. */
export interface NatsHandlerOptions<Request, Response> extends NatsServerOptions {
  /** Where requests come. */
  readonly subject: string;
  /** The queue group whose members share the requests; `""` for none, where every server gets every request. @default the subject */
  readonly queue?: string;
  /** @default the JSON data. Throw a `KitError` to refuse a request. */
  readonly decode?: (message: NatsIncoming, ctx: Context) => Request | Promise<Request>;
  /** @default JSON, see {@link encodeJson} */
  readonly encode?: (response: Response, reply: NatsOutgoing, ctx: Context) => void | Promise<void>;
  /** What `callInfo` names the call for logs and metrics. @default `""` and the subject */
  readonly service?: string;
  readonly method?: string;
}

/**
 * Serves one endpoint at a subject, from now on. A request without a reply subject is run and not answered.
 *
 * @throws {TypeError} for what cannot be a subject or a queue group, or a limit that is not a positive number; the driver's error for a closed connection.
 * @see go-kit transport/nats NewSubscriber
 */
export function natsHandler<Request = any, Response = any>(
  endpoint: Endpoint<Request, Response>,
  options: NatsHandlerOptions<Request, Response>,
): NatsServer {
  const { decode = decodeJsonRequest, encode = encodeJson, service = "" } = options;
  const subject = subjectOf("natsHandler", options.subject);
  const { method = subject, queue = subject } = options;
  const group = queue === "" ? undefined : queueOf("natsHandler", queue);
  return serveAt("natsHandler", [{ subject, queue: group, service, method, endpoint, decode, encode }], options);
}
