import { background } from "@kit/endpoint";
import { connectNats } from "@kit/transport-nats";
import { connect } from "@nats-io/transport-node";
import { Sum } from "../../http/contract.ts";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

export async function makeClient(
  servers: string,
  prefix: string,
): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const connection = await connect({ servers });
  const client = connectNats(Sum, { connection, prefix });
  return (request) => client.sum(request, background);
}
