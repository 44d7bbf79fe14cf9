import type { Context, Endpoint } from "@kit/endpoint";
import { type ClientOperation, clientSteps, limit } from "@kit/transport";
import { Caller, type AmqpClientCommon } from "./caller.ts";
import { queueName } from "./cancellation.ts";
import type { AmqpDelivery } from "./delivery.ts";
import { decodeJsonReply, encodeJson } from "./json.ts";
import type { AmqpPublishing } from "./publishing.ts";

/** One endpoint over AMQP, each step in your hands. */
export interface AmqpClientOptions<Request, Response> extends AmqpClientCommon {
  /** Where requests go, by the default exchange; `encode` and `before` may say otherwise. */
  readonly queue: string;
  /** The longest that a call takes, in ms, whatever its context says. @default 10_000, as in go-kit. @see go-kit PublisherTimeout */
  readonly timeoutMs?: number;
  /** Resolve when the broker has the message, without a reply: `decode` is given an empty one. @default false. @see go-kit SendAndForgetDeliverer */
  readonly sendAndForget?: boolean;
  /** Writes the request. @default JSON, see {@link encodeJson} */
  readonly encode?: (request: Request, message: AmqpPublishing, ctx: Context) => void | Promise<void>;
  /** @default {@link decodeJsonReply} */
  readonly decode?: (reply: AmqpDelivery, ctx: Context) => Response | Promise<Response>;
}

/** An endpoint that lets go of its channel when it is disposed. */
export type AmqpClient<Request = any, Response = any> = Endpoint<Request, Response> & AsyncDisposable;

/**
 * An endpoint elsewhere. The deadline and the carried values of the context go along; when the context ends, the server hears of it.
 *
 * @throws {TypeError} when the queue's name cannot be one, or a limit is not a positive number.
 * @see go-kit transport/amqp NewPublisher
 */
export function amqpClient<Request = any, Response = any>(
  options: AmqpClientOptions<Request, Response>,
): AmqpClient<Request, Response> {
  const { encode = encodeJson, decode = decodeJsonReply, sendAndForget = false } = options;
  const queue = queueName("amqpClient: queue", options.queue);
  const timeoutMs = limit("amqpClient: timeoutMs", options.timeoutMs, 10_000);
  const caller = new Caller("amqpClient", { ...options, timeoutMs, sendAndForget });
  const call = clientSteps<AmqpPublishing, AmqpDelivery>(options, (message, ctx) => caller.send(message, ctx));
  const operation: ClientOperation<AmqpPublishing, AmqpDelivery> = { newMessage: messageTo(queue), encode, decode };
  const endpoint: Endpoint<Request, Response> = (request, ctx) => call(operation, request, ctx);
  return Object.assign(endpoint, { [Symbol.asyncDispose]: () => caller.close() });
}

/** Makes empty messages to a queue. */
export function messageTo(queue: string): () => AmqpPublishing {
  return () => ({ exchange: "", routingKey: queue, headers: {}, properties: {}, body: "" });
}
