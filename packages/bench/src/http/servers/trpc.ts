import type { Server } from "node:http";
import { initTRPC } from "@trpc/server";
import { createHTTPServer } from "@trpc/server/adapters/standalone";
import { z } from "zod";

export function makeServer(): Server {
  const { procedure, router } = initTRPC.create({ isDev: false });
  const sum = procedure.input(z.object({ a: z.int(), b: z.int() })).mutation(({ input: { a, b } }) => ({ v: a + b }));
  return createHTTPServer({ router: router({ sum }) });
}
