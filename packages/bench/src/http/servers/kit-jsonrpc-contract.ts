import { createServer, type Server } from "node:http";
import { serveJsonrpc } from "@kit/transport-jsonrpc";
import { Sum } from "../contract.ts";

export function makeServer(): Server {
  return createServer(serveJsonrpc(Sum, { sum: async ({ a, b }) => ({ v: a + b }) }));
}
