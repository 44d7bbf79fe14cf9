import type { NatsConnection } from "@nats-io/transport-node";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

/** As the driver's own examples do it. */
export function makeClient(connection: NatsConnection, prefix: string): (request: SumRequest) => Promise<SumResponse> {
  const subject = `${prefix}.sum`;
  return async (request) => {
    const reply = await connection.request(subject, JSON.stringify(request), { timeout: 10_000 });
    return reply.json<SumResponse>();
  };
}
