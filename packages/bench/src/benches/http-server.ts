import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import type { LoadAnswer, LoadQuestion } from "../http/load.ts";
import type { ServeQuestion } from "../http/serve.ts";
import type { ServerName } from "../http/servers.ts";
import { inFlight } from "../http/sum.ts";
import { sample, type Sampled } from "../sampling.ts";

const contenders: readonly ServerName[] = [
  "kit, one handler",
  "kit, contract and zod",
  "node:http by hand",
  "fastify with schema",
];

const claims: readonly Claim[] = [
  { ours: "kit, one handler", other: "node:http by hand", goal: 1 },
  { ours: "kit, contract and zod", other: "node:http by hand", goal: 0.93 },
  { ours: "kit, one handler", other: "fastify with schema", goal: 1 },
  { ours: "kit, contract and zod", other: "fastify with schema", goal: 1 },
];

async function run(plan: Plan): Promise<readonly Result[]> {
  await using children = childProcesses();
  const load = children.start<LoadQuestion, LoadAnswer>(new URL("../http/load.js", import.meta.url));

  function served(name: ServerName): Sampled {
    const server = children.start<ServeQuestion, number>(new URL("../http/serve.js", import.meta.url), name);
    return async (ms) => {
      const port = await server.ask("port");
      const before = await server.ask("cpu");
      const { requests, tookMs } = await load.ask({ port, ms });
      return { requests, tookMs, cpuUs: (await server.ask("cpu")) - before };
    };
  }

  const { time, cpu } = await sample(Object.fromEntries(contenders.map((name) => [name, served(name)])), plan);
  const title = `HTTP server, POST JSON over ${inFlight} connections`;
  return [
    { title: `${title}: time a request`, costs: time, claims },
    { title: `${title}: the server's CPU time a request`, costs: cpu, claims },
  ];
}

/** What a server costs beside Node's own, used by hand, and beside fastify: each in a process, and the load in another. */
export const httpServerBench: Bench = { name: "http-server", run };
