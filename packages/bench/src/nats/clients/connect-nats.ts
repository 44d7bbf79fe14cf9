import { background } from "@kit/endpoint";
import { connectNats } from "@kit/transport-nats";
import type { NatsConnection } from "@nats-io/transport-node";
import { Sum } from "../../http/contract.ts";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

export function makeClient(connection: NatsConnection, prefix: string): (request: SumRequest) => Promise<SumResponse> {
  const client = connectNats(Sum, { connection, prefix });
  return (request) => client.sum(request, background);
}
