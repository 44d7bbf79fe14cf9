import { natsHandler } from "@kit/transport-nats";
import { connect } from "@nats-io/transport-node";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

export async function serve(servers: string, prefix: string): Promise<void> {
  const connection = await connect({ servers });
  natsHandler<SumRequest, SumResponse>(async ({ a, b }) => ({ v: a + b }), { connection, subject: `${prefix}.sum` });
  await connection.flush();
}
