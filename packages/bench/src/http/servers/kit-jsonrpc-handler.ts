import { createServer, type Server } from "node:http";
import { jsonrpcHandler } from "@kit/transport-jsonrpc";
import type { SumRequest } from "../sum.ts";

export function makeServer(): Server {
  return createServer(jsonrpcHandler({ sum: { endpoint: async ({ a, b }: SumRequest) => ({ v: a + b }) } }));
}
