import { background } from "@kit/endpoint";
import { natsClient } from "@kit/transport-nats";
import { connect } from "@nats-io/transport-node";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

export async function makeClient(
  servers: string,
  prefix: string,
): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const connection = await connect({ servers });
  const client = natsClient<SumRequest, SumResponse>({ connection, subject: `${prefix}.sum` });
  return (request) => client(request, background);
}
