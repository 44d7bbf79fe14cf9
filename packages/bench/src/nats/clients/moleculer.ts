import { ServiceBroker } from "moleculer";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

/** A node as it comes, without a logger; it finds the other by itself. */
export async function makeClient(
  servers: string,
  namespace: string,
): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const broker = new ServiceBroker({ namespace, logger: false, transporter: servers });
  await broker.start();
  await broker.waitForServices("add");
  return (request) => broker.call<SumResponse, SumRequest>("add.sum", request);
}
