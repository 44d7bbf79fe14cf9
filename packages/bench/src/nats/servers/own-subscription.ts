import { connect } from "@nats-io/transport-node";
import type { SumRequest } from "../../http/sum.ts";

/** What people write who use nothing, with a callback, which is the driver's fast way. */
export async function serve(servers: string, prefix: string): Promise<void> {
  const connection = await connect({ servers });
  connection.subscribe(`${prefix}.sum`, {
    queue: prefix,
    callback: (_, message) => {
      const { a, b } = message.json<SumRequest>();
      message.respond(JSON.stringify({ v: a + b }));
    },
  });
  await connection.flush();
}
