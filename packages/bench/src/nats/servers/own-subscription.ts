import type { NatsConnection } from "@nats-io/transport-node";
import type { SumRequest } from "../../http/sum.ts";

/** What people write who use nothing, with a callback, which is the driver's fast way. */
export function serve(connection: NatsConnection, prefix: string): void {
  connection.subscribe(`${prefix}.sum`, {
    queue: prefix,
    callback: (_, message) => {
      const { a, b } = message.json<SumRequest>();
      message.respond(JSON.stringify({ v: a + b }));
    },
  });
}
