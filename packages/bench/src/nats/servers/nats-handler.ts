import { natsHandler } from "@kit/transport-nats";
import type { NatsConnection } from "@nats-io/transport-node";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

export function serve(connection: NatsConnection, prefix: string): void {
  natsHandler<SumRequest, SumResponse>(async ({ a, b }) => ({ v: a + b }), { connection, subject: `${prefix}.sum` });
}
