import type { Context, Endpoint } from "@kit/endpoint";
import type { AmqpDelivery } from "./delivery.ts";
import { decodeJsonRequest, encodeJson } from "./json.ts";
import type { AmqpPublishing } from "./publishing.ts";
import { type AmqpServer, amqpServer, type AmqpServerCommon } from "./server.ts";

/** One endpoint over AMQP, each step in your hands. */
export interface AmqpHandlerOptions<Request, Response> extends AmqpServerCommon {
  /** Where requests come from. */
  readonly queue: string;
  /** @default the JSON body, see {@link decodeJsonRequest}. Throw a `KitError` to refuse a request. */
  readonly decode?: (message: AmqpDelivery, ctx: Context) => Request | Promise<Request>;
  /** @default JSON, see {@link encodeJson} */
  readonly encode?: (response: Response, reply: AmqpPublishing, ctx: Context) => void | Promise<void>;
  /** What `callInfo` names the call for logs and metrics. @default `""` and the queue */
  readonly service?: string;
  readonly method?: string;
}

/**
 * Serves one endpoint from one queue.
 *
 * @throws {TypeError} when the queue's name cannot be one, or a limit is not a positive number.
 * @see go-kit transport/amqp NewSubscriber
 */
export function amqpHandler<Request = any, Response = any>(
  endpoint: Endpoint<Request, Response>,
  options: AmqpHandlerOptions<Request, Response>,
): AmqpServer {
  const { queue, decode = decodeJsonRequest, encode = encodeJson, service = "", method = queue } = options;
  return amqpServer("amqpHandler", options, [{ queue, service, method, endpoint, decode, encode }]);
}
