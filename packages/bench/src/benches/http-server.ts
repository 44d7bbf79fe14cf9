import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import type { LoadAnswer, LoadQuestion } from "../http/load.ts";
import type { ServeQuestion } from "../http/serve.ts";
import type { ServerName } from "../http/servers.ts";
import { inFlight } from "../http/sum.ts";
import { sample, type Sampled } from "../sampling.ts";

/** What one of the two benches compares. */
interface Comparison {
  readonly title: string;
  /** What is asked of each. */
  readonly contenders: Readonly<Partial<Record<ServerName, LoadQuestion["form"]>>>;
  readonly claims: readonly Claim[];
}

function comparing({ title, contenders, claims }: Comparison): (plan: Plan) => Promise<readonly Result[]> {
  return async (plan) => {
    await using children = childProcesses();
    const load = children.start<LoadQuestion, LoadAnswer>(new URL("../http/load.js", import.meta.url));

    function served(name: ServerName, form: LoadQuestion["form"]): Sampled {
      const server = children.start<ServeQuestion, number>(new URL("../http/serve.js", import.meta.url), name);
      return async (ms) => {
        const port = await server.ask("port");
        const before = await server.ask("cpu");
        const { requests, tookMs } = await load.ask({ port, ms, form });
        return { requests, tookMs, cpuUs: (await server.ask("cpu")) - before };
      };
    }

    const asked = Object.entries(contenders) as [ServerName, LoadQuestion["form"]][];
    const { time, cpu } = await sample(
      Object.fromEntries(asked.map(([name, form]) => [name, served(name, form)])),
      plan,
    );
    const what = `${title} over ${inFlight} connections`;
    return [
      { title: `${what}: time a request`, costs: time, claims },
      { title: `${what}: the server's CPU time a request`, costs: cpu, claims },
    ];
  };
}

/** What a server costs beside Node's own, used by hand, and beside what people use instead: each in a process, and the load in another. */
export const httpServerBench: Bench = {
  name: "http-server",
  run: comparing({
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
    claims: [
      { ours: "kit, one handler", other: "node:http by hand", goal: 1 },
      { ours: "kit, contract and zod", other: "node:http by hand", goal: 0.93 },
      { ours: "kit, one handler", other: "fastify with schema", goal: 1 },
      { ours: "kit, contract and zod", other: "fastify with schema", goal: 1 },
    ],
  }),
};

/** The same for JSON-RPC, beside what people write by hand, and beside jayson. */
export const jsonrpcBench: Bench = {
  name: "jsonrpc",
  run: comparing({
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
};
