import type { Server } from "node:http";

/** One contender's server; it is not listening yet. */
export interface ServerModule {
  makeServer(): Server | Promise<Server>;
}

/** The servers, each loaded in a process of its own. */
export const servers = {
  "kit, one handler": () => import("./servers/kit-handler.ts"),
  "kit, contract and zod": () => import("./servers/kit-contract.ts"),
  "node:http by hand": () => import("./servers/node-http.ts"),
  "fastify with schema": () => import("./servers/fastify.ts"),
  hono: () => import("./servers/hono.ts"),
  express: () => import("./servers/express.ts"),
  "connect-node": () => import("./servers/connect-node.ts"),
  tRPC: () => import("./servers/trpc.ts"),
  moleculer: () => import("./servers/moleculer.ts"),
  nestjs: () => import("./servers/nest.ts"),
  "kit, JSON-RPC handler": () => import("./servers/kit-jsonrpc-handler.ts"),
  "kit, JSON-RPC contract and zod": () => import("./servers/kit-jsonrpc-contract.ts"),
  "JSON-RPC by hand": () => import("./servers/jsonrpc.ts"),
  jayson: () => import("./servers/jayson.ts"),
  "canned answer": () => import("./servers/canned.ts"),
} as const satisfies Record<string, () => Promise<ServerModule>>;

export type ServerName = keyof typeof servers;
