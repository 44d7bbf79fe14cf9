import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { SumResponse } from "../generated/sum_pb.ts";
import { definition, path, sumRequest } from "../sum.ts";

const { requestSerialize: serialize, responseDeserialize: deserialize } = definition.sum;

export function makeClient(address: string): () => Promise<SumResponse> {
  const client = new Client(address, credentials.createInsecure());
  return () =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, serialize, deserialize, sumRequest(), new Metadata(), {}, (error, reply) =>
        error === null ? resolve(reply!) : reject(error),
      );
    });
}
