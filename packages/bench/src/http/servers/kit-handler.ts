import { createServer, type Server } from "node:http";
import { httpHandler } from "@kit/transport-http";
import type { SumRequest, SumResponse } from "../sum.ts";

export function makeServer(): Server {
  return createServer(httpHandler<SumRequest, SumResponse>(async ({ a, b }) => ({ v: a + b })));
}
