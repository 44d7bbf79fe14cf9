import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { background } from "@kit/endpoint";
import { connectGrpc, grpcClient, grpcService } from "@kit/transport-grpc";
import { Add, type SumRequest, type SumResponse } from "./generated/sum_pb.ts";
import { definition, path, request, sumRequest } from "./sum.ts";

type Call = () => Promise<{ readonly v: number }>;

const insecure = credentials.createInsecure();
const { requestSerialize: serialize, responseDeserialize: deserialize } = definition.sum;

/** The clients; each makes one connection. */
export const clients = {
  grpcClient: (address) => {
    const call = grpcClient<SumRequest, SumResponse>({
      address,
      credentials: insecure,
      path,
      serialize,
      deserialize: (bytes) => deserialize(bytes as Buffer),
    });
    return () => call(sumRequest(), background);
  },
  "connectGrpc, descriptor": (address) => {
    const client = connectGrpc(grpcService(Add), { address, credentials: insecure });
    return () => client.sum(request, background);
  },
  "grpc-js by hand": (address) => {
    const client = new Client(address, insecure);
    return () =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, serialize, deserialize, sumRequest(), new Metadata(), {}, (error, reply) =>
          error === null ? resolve(reply!) : reject(error),
        );
      });
  },
} as const satisfies Record<string, (address: string) => Call>;

export type ClientName = keyof typeof clients;
