import { credentials } from "@grpc/grpc-js";
import { background } from "@kit/endpoint";
import { connectGrpc, grpcService } from "@kit/transport-grpc";
import { Add, type SumResponse } from "../generated/sum_pb.ts";
import { request } from "../sum.ts";

export function makeClient(address: string): () => Promise<SumResponse> {
  const client = connectGrpc(grpcService(Add), { address, credentials: credentials.createInsecure() });
  return () => client.sum(request, background);
}
