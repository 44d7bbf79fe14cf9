import { type ClientOf, clientOf, type Service } from "@kit/service";
import { type ClientOperation, clientSteps, limit } from "@kit/transport";
import { type AmqpClientCommon, Caller } from "./caller.ts";
import { queueName } from "./cancellation.ts";
import { messageTo } from "./client.ts";
import type { AmqpDelivery } from "./delivery.ts";
import { decodeJsonReply, encodeJson } from "./json.ts";
import type { AmqpPublishing } from "./publishing.ts";

export interface ConnectAmqpOptions extends AmqpClientCommon {
  /** The queue of a method. @default `<service>.<method>` */
  readonly queueOf?: (method: string) => string;
  /** The longest that a call takes, in ms, whatever its context says; `Infinity` for no bound. @default 60_000 — servers allow no more by default */
  readonly timeoutMs?: number;
  /** Sees every reply, errors as well. @default {@link decodeJsonReply}; {@link decodePlainReply} knows the errors of a go-kit server */
  readonly decode?: (reply: AmqpDelivery) => unknown;
}

/**
 * A client of a whole service, over one channel, opened when first used. Dispose it to close that.
 *
 * Calls reject with the `KitError` that the server sent, `unavailable` when the broker cannot be reached or nobody has the queue, or the context's own cause.
 *
 * @throws {TypeError} when a queue's name cannot be one, or a limit is not a positive number.
 */
export function connectAmqp<S extends Service>(service: S, options: ConnectAmqpOptions): ClientOf<S> {
  const { queueOf = (method) => `${service.name}.${method}`, decode = decodeJsonReply } = options;
  const timeoutMs = limit("connectAmqp: timeoutMs", options.timeoutMs, 60_000);
  const caller = new Caller("connectAmqp", { ...options, timeoutMs, sendAndForget: false });
  const call = clientSteps<AmqpPublishing, AmqpDelivery>(options, (message, ctx) => caller.send(message, ctx));
  return clientOf(
    service,
    ({ name }) => {
      const queue = queueName("connectAmqp: queueOf", queueOf(name));
      const operation: ClientOperation<AmqpPublishing, AmqpDelivery> = {
        newMessage: messageTo(queue),
        encode: encodeJson,
        decode,
      };
      return (request, ctx) => call(operation, request, ctx);
    },
    () => caller.close(),
  );
}
