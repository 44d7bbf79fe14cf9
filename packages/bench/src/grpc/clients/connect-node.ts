import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Add, type SumResponse } from "../generated/sum_pb.ts";
import { request } from "../sum.ts";

export function makeClient(address: string): () => Promise<SumResponse> {
  const client = createClient(Add, createGrpcTransport({ baseUrl: `http://${address}` }));
  return () => client.sum(request);
}
