import type { Bench } from "../bench.ts";
import { comparing } from "../http/comparing.ts";

/** What a JSON-RPC server costs beside what people write by hand, and beside jayson: each in a process, and the load in another. */
export const bench: Bench = [
  comparing({
    title: "JSON-RPC server",
    contenders: {
      "kit, JSON-RPC handler": "jsonrpc",
      "kit, JSON-RPC contract and zod": "jsonrpc",
      "JSON-RPC by hand": "jsonrpc",
      jayson: "jsonrpc, id first",
    },
    claims: [
      { ours: "kit, JSON-RPC handler", other: "JSON-RPC by hand", goal: 0.97 },
      { ours: "kit, JSON-RPC contract and zod", other: "JSON-RPC by hand", goal: 0.85 },
    ],
  }),
];
