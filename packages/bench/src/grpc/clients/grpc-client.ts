import { credentials } from "@grpc/grpc-js";
import { background } from "@kit/endpoint";
import { grpcClient } from "@kit/transport-grpc";
import type { SumRequest, SumResponse } from "../generated/sum_pb.ts";
import { definition, path, sumRequest } from "../sum.ts";

const { requestSerialize: serialize, responseDeserialize: deserialize } = definition.sum;

export function makeClient(address: string): () => Promise<SumResponse> {
  const call = grpcClient<SumRequest, SumResponse>({
    address,
    credentials: credentials.createInsecure(),
    path,
    serialize,
    deserialize: (bytes) => deserialize(bytes as Buffer),
  });
  return () => call(sumRequest(), background);
}
