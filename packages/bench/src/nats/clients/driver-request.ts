import { connect } from "@nats-io/transport-node";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

/** As the driver's own examples do it. */
export async function makeClient(
  servers: string,
  prefix: string,
): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const connection = await connect({ servers });
  const subject = `${prefix}.sum`;
  return async (request) => {
    const reply = await connection.request(subject, JSON.stringify(request), { timeout: 10_000 });
    return reply.json<SumResponse>();
  };
}
