import { type sendUnaryData, Server, type ServerUnaryCall } from "@grpc/grpc-js";
import { grpcHandler, grpcService, serveGrpc } from "@kit/transport-grpc";
import { z } from "zod";
import { Add, type SumRequest, type SumResponse } from "./generated/sum_pb.ts";
import { definition, sumOf } from "./sum.ts";

const checked = z.looseObject({ a: z.int(), b: z.int() });

/** The servers; they are not bound yet. */
export const servers = {
  grpcHandler: () => {
    const server = new Server();
    server.addService(definition, { sum: grpcHandler<SumRequest, SumResponse>(async (request) => sumOf(request)) });
    return server;
  },
  "serveGrpc, descriptor and zod": () => {
    const server = new Server();
    const service = grpcService(Add, { sum: { request: checked } });
    serveGrpc(service, { sum: async ({ a, b }) => ({ v: a + b }) }, { server });
    return server;
  },
  "grpc-js by hand": () => {
    const server = new Server();
    const sum = ({ request }: ServerUnaryCall<SumRequest, SumResponse>, reply: sendUnaryData<SumResponse>): void =>
      reply(null, sumOf(request));
    server.addService(definition, { sum });
    return server;
  },
} as const satisfies Record<string, () => Server>;

export type ServerName = keyof typeof servers;
