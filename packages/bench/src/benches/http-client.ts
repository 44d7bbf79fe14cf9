import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import type { ClientName } from "../http/clients.ts";
import type { ServeQuestion } from "../http/serve.ts";
import type { ServerName } from "../http/servers.ts";
import { inFlight } from "../http/sum.ts";
import { sample, type Sample, type Sampled } from "../sampling.ts";

const contenders: readonly ClientName[] = [
  "httpClient",
  "connectHttp, contract and zod",
  "undici.request",
  "undici Pool.request",
  "fetch",
  "got",
  "axios",
  "ky",
];

const claims: readonly Claim[] = [
  { ours: "httpClient", other: "undici.request", goal: 1.4 },
  { ours: "connectHttp, contract and zod", other: "undici.request", goal: 1.4 },
];

async function measure(plan: Plan): Promise<readonly Result[]> {
  await using children = childProcesses();
  const peer: ServerName = "canned answer";
  const server = children.start<ServeQuestion, number>(new URL("../http/serve.js", import.meta.url), peer);
  const origin = `http://127.0.0.1:${await server.ask("port")}`;

  function calling(name: ClientName): Sampled {
    const client = children.start<number, Sample>(new URL("../http/call.js", import.meta.url), name, origin);
    return (ms) => client.ask(ms);
  }

  const { time, cpu } = await sample(Object.fromEntries(contenders.map((name) => [name, calling(name)])), plan);
  const title = `HTTP client, POST JSON, ${inFlight} calls in flight`;
  return [
    { title: `${title}: time a call`, costs: time, claims },
    { title: `${title}: the client's CPU time a call`, costs: cpu, claims },
  ];
}

/** What a client costs beside undici as most use it, and beside a pool of one's own: each in a process, one server in another. */
export const bench: Bench = [measure];
