import type { EndpointsOf } from "@kit/service";
import { type NatsServer, serveNats } from "@kit/transport-nats";
import { extractTrace } from "@kit/tracing-otel";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Add } from "../contract.ts";
import { UsageError } from "../flags.ts";
import type { Wire } from "../wires.ts";

export function serveOnNats(endpoints: EndpointsOf<typeof Add>, url: string): Wire {
  let connection: NatsConnection;
  let server: NatsServer;
  return {
    name: "nats",
    address: url,
    async start() {
      connection = await connect({ servers: url }).catch((error: Error) => {
        throw new UsageError(`cannot connect to NATS at ${url}: ${error.message}`);
      });
      server = serveNats(Add, endpoints, { connection, before: [extractTrace()] });
      await server.ready();
    },
    async stop() {
      await server.close();
      await connection.close();
    },
  };
}
