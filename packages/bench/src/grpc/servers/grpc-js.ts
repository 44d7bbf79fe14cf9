import { type sendUnaryData, Server, type ServerUnaryCall } from "@grpc/grpc-js";
import { bind } from "../bind.ts";
import type { SumRequest, SumResponse } from "../generated/sum_pb.ts";
import { definition, sumOf } from "../sum.ts";

export function listen(): Promise<number> {
  const server = new Server();
  const sum = ({ request }: ServerUnaryCall<SumRequest, SumResponse>, reply: sendUnaryData<SumResponse>): void =>
    reply(null, sumOf(request));
  server.addService(definition, { sum });
  return bind(server);
}
