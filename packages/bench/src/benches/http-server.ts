import type { Bench } from "../bench.ts";
import { comparing } from "../http/comparing.ts";

/** What a server costs beside Node's own, used by hand, and beside what people use instead: each in a process, and the load in another. */
export const bench: Bench = [
  comparing({
    title: "HTTP server, POST JSON",
    contenders: {
      "kit, one handler": "http",
      "kit, contract and zod": "http",
      "node:http by hand": "http",
      "fastify with schema": "http",
      hono: "http",
      express: "http",
      "connect-node": "connect",
      tRPC: "trpc",
      moleculer: "http",
      nestjs: "http",
    },
    inGo: { "Go go-kit": "http" },
    claims: [
      { ours: "kit, one handler", other: "node:http by hand", goal: 1 },
      { ours: "kit, contract and zod", other: "node:http by hand", goal: 0.93 },
      { ours: "kit, one handler", other: "fastify with schema", goal: 1 },
      { ours: "kit, contract and zod", other: "fastify with schema", goal: 1 },
    ],
  }),
];
