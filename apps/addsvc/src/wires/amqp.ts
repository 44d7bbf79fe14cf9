import type { EndpointsOf } from "@kit/service";
import { type AmqpConnection, amqpConnection, type AmqpServer, serveAmqp } from "@kit/transport-amqp";
import { extractTrace } from "@kit/tracing-otel";
import { Add } from "../contract.ts";
import { UsageError } from "../flags.ts";
import type { Wire } from "../wires.ts";

export function serveOnAmqp(endpoints: EndpointsOf<typeof Add>, url: string): Wire {
  let connection: AmqpConnection;
  let server: AmqpServer;
  return {
    name: "amqp",
    address: url,
    async start() {
      connection = amqpConnection({ url });
      server = serveAmqp(Add, endpoints, { connection, before: [extractTrace()] });
      await server.ready().catch((error: Error) => {
        throw new UsageError(`cannot serve over RabbitMQ at ${url}: ${error.message}`);
      });
    },
    async stop() {
      await server.close();
      await connection.close();
    },
  };
}
