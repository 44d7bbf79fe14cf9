import type { Server } from "node:http";
import { fastify } from "fastify";
import { path, type SumRequest } from "../sum.ts";

const int = { type: "integer" };

export async function makeServer(): Promise<Server> {
  const app = fastify();
  const schema = {
    body: { type: "object", required: ["a", "b"], properties: { a: int, b: int } },
    response: { 200: { type: "object", required: ["v"], properties: { v: int } } },
  };
  app.post<{ Body: SumRequest }>(path, { schema }, async ({ body: { a, b } }) => ({ v: a + b }));
  await app.ready();
  return app.server;
}
