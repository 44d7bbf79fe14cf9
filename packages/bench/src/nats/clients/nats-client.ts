import { background } from "@kit/endpoint";
import { natsClient } from "@kit/transport-nats";
import type { NatsConnection } from "@nats-io/transport-node";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

export function makeClient(connection: NatsConnection, prefix: string): (request: SumRequest) => Promise<SumResponse> {
  const client = natsClient<SumRequest, SumResponse>({ connection, subject: `${prefix}.sum` });
  return (request) => client(request, background);
}
