import { implement } from "@kit/service";
import { serveNats } from "@kit/transport-nats";
import type { NatsConnection } from "@nats-io/transport-node";
import { Sum } from "../../http/contract.ts";

export function serve(connection: NatsConnection, prefix: string): void {
  const endpoints = implement(Sum, { sum: async ({ a, b }) => ({ v: a + b }) });
  serveNats(Sum, endpoints, { connection, prefix });
}
