import type { Context, Endpoint } from "@kit/endpoint";
import type { ClientOperation } from "@kit/transport";
import { Caller, type NatsClientCommon } from "./caller.ts";
import type { NatsIncoming } from "./incoming.ts";
import { decodeJsonReply, encodeJson } from "./json.ts";
import { NatsOutgoing } from "./outgoing.ts";
import { subjectOf } from "./subject.ts";

/** One endpoint over NATS, each step in your hands. */
export interface NatsClientOptions<Request, Response> extends NatsClientCommon {
  /** Where requests go. */
  readonly subject: string;
  /** Writes the request: data and headers. @default JSON, see {@link encodeJson} */
  readonly encode?: (request: Request, message: NatsOutgoing, ctx: Context) => void | Promise<void>;
  /** Sees every reply, errors as well. @default {@link decodeJsonReply}; {@link decodePlainReply} knows the errors of a go-kit server */
  readonly decode?: (reply: NatsIncoming, ctx: Context) => Response | Promise<Response>;
}

/** An endpoint that lets go of its inbox when it is disposed. */
export type NatsClient<Request = any, Response = any> = Endpoint<Request, Response> & AsyncDisposable;

/**
 * An endpoint elsewhere. The deadline and the carried values of the context go along; when the context ends first, the server is told.
 *
 * @throws {TypeError} for what cannot be a subject, or a limit that is not a positive number.
 * @see go-kit transport/nats NewPublisher
 */
export function natsClient<Request = any, Response = any>(
  options: NatsClientOptions<Request, Response>,
): NatsClient<Request, Response> {
  const { encode = encodeJson, decode = decodeJsonReply } = options;
  const subject = subjectOf("natsClient", options.subject);
  const caller = new Caller("natsClient", options);
  const call = caller.steps(subject);
  const newMessage = (): NatsOutgoing => new NatsOutgoing(subject);
  const operation: ClientOperation<NatsOutgoing, NatsIncoming> = { newMessage, encode, decode };
  const endpoint: Endpoint<Request, Response> = (request, ctx) => call(operation, request, ctx);
  return Object.assign(endpoint, { [Symbol.asyncDispose]: async () => caller.close() });
}
