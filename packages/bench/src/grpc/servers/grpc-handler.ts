import { Server } from "@grpc/grpc-js";
import { grpcHandler } from "@kit/transport-grpc";
import { bind } from "../bind.ts";
import type { SumRequest, SumResponse } from "../generated/sum_pb.ts";
import { definition, sumOf } from "../sum.ts";

export function listen(): Promise<number> {
  const server = new Server();
  server.addService(definition, { sum: grpcHandler<SumRequest, SumResponse>(async (request) => sumOf(request)) });
  return bind(server);
}
