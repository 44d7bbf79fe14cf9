import { ServiceBroker } from "moleculer";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

/** A node as it comes, without a logger. */
export async function serve(servers: string, namespace: string): Promise<void> {
  const broker = new ServiceBroker({ namespace, logger: false, transporter: servers });
  const sum = ({ params: { a, b } }: { readonly params: SumRequest }): SumResponse => ({ v: a + b });
  broker.createService({ name: "add", actions: { sum } });
  await broker.start();
}
