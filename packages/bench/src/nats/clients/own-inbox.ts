import { connect, createInbox } from "@nats-io/transport-node";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

/** What people write who need speed and nothing else: no deadline, no error, no end. */
export async function makeClient(
  servers: string,
  prefix: string,
): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const connection = await connect({ servers });
  const subject = `${prefix}.sum`;
  const inbox = createInbox();
  const pending = new Map<string, (response: SumResponse) => void>();
  connection.subscribe(`${inbox}.*`, {
    callback: (_, message) => {
      pending.get(message.subject)?.(message.json<SumResponse>());
      pending.delete(message.subject);
    },
  });
  let calls = 0;
  return (request) =>
    new Promise((resolve) => {
      const reply = `${inbox}.${++calls}`;
      pending.set(reply, resolve);
      connection.publish(subject, JSON.stringify(request), { reply });
    });
}
