// The connection.
export type { AmqpChannel, AmqpChannelOptions } from "./channel.ts";
export {
  amqpConnection,
  type AmqpConnection,
  type AmqpConnectionByConnect,
  type AmqpConnectionByUrl,
  type AmqpConnectionOptions,
} from "./connection.ts";

// Servers.
export { amqpHandler, type AmqpHandlerOptions } from "./handler.ts";
export { serveAmqp, type ServeAmqpOptions } from "./serve.ts";
export type { AmqpServer, AmqpServerCommon, AmqpSettlement, CloseAmqpOptions } from "./server.ts";

// Clients.
export type { AmqpClientCommon } from "./caller.ts";
export { amqpClient, type AmqpClient, type AmqpClientOptions } from "./client.ts";
export { connectAmqp, type ConnectAmqpOptions } from "./connect.ts";

// Messages, and steps for both sides.
export type { AmqpDelivery } from "./delivery.ts";
export {
  decodeJsonReply,
  decodeJsonRequest,
  decodePlainReply,
  encodeError,
  encodeErrorPlain,
  encodeJson,
} from "./json.ts";
export type { AmqpProperties, AmqpPublishing } from "./publishing.ts";
