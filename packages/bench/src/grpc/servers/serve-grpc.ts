import { Server } from "@grpc/grpc-js";
import { grpcService, serveGrpc } from "@kit/transport-grpc";
import { z } from "zod";
import { bind } from "../bind.ts";
import { Add } from "../generated/sum_pb.ts";

const checked = z.looseObject({ a: z.int(), b: z.int() });

export function listen(): Promise<number> {
  const server = new Server();
  const service = grpcService(Add, { sum: { request: checked } });
  serveGrpc(service, { sum: async ({ a, b }) => ({ v: a + b }) }, { server });
  return bind(server);
}
