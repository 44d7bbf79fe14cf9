import { implement } from "@kit/service";
import { serveNats } from "@kit/transport-nats";
import { connect } from "@nats-io/transport-node";
import { Sum } from "../../http/contract.ts";

export async function serve(servers: string, prefix: string): Promise<void> {
  const connection = await connect({ servers });
  const endpoints = implement(Sum, { sum: async ({ a, b }) => ({ v: a + b }) });
  serveNats(Sum, endpoints, { connection, prefix });
  await connection.flush();
}
