import { createServer, type Server } from "node:http";
import { implement } from "@kit/service";
import { serveHttp } from "@kit/transport-http";
import { Sum } from "../contract.ts";

export function makeServer(): Server {
  const endpoints = implement(Sum, { sum: async ({ a, b }) => ({ v: a + b }) });
  return createServer(serveHttp(Sum, endpoints));
}
