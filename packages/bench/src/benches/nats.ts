import { nats, startServer } from "@kit/servers";
import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import { inFlight } from "../http/sum.ts";
import type { ClientName } from "../nats/clients.ts";
import type { ServerName } from "../nats/servers.ts";
import { sample, type Sample, type Sampled } from "../sampling.ts";

const clients: readonly ClientName[] = [
  "natsClient",
  "connectNats, contract and zod",
  "the driver's request()",
  "an inbox by hand",
];
const clientClaims: readonly Claim[] = [
  { ours: "natsClient", other: "the driver's request()", goal: 2 },
  { ours: "connectNats, contract and zod", other: "the driver's request()", goal: 1.7 },
];

// Nothing is claimed of these: what is done by hand bounds no call, cancels none, and loses the reply that is too large.
const servers: readonly ServerName[] = [
  "natsHandler",
  "serveNats, contract and zod",
  "a subscription by hand",
  "a subscription and zod by hand",
];
const byHand: ServerName = "a subscription by hand";
const cheapest: ClientName = "an inbox by hand";

async function run(plan: Plan): Promise<readonly Result[]> {
  await using broker = await startServer(nats);
  await using children = childProcesses();
  const call = (name: ClientName, prefix: string) =>
    children.start<number, Sample>(new URL("../nats/call.js", import.meta.url), name, broker.url, prefix);
  const serve = (name: ServerName, prefix: string) =>
    children.start<"cpu", number>(new URL("../nats/serve.js", import.meta.url), name, broker.url, prefix);

  await serve(byHand, "clients").ask("cpu");
  const calling = (name: ClientName): Sampled => {
    const client = call(name, "clients");
    return (ms) => client.ask(ms);
  };
  const served = (name: ServerName, n: number): Sampled => {
    const prefix = `servers-${n}`;
    const [server, client] = [serve(name, prefix), call(cheapest, prefix)];
    return async (ms) => {
      const before = await server.ask("cpu");
      const { requests, tookMs } = await client.ask(ms);
      return { requests, tookMs, cpuUs: (await server.ask("cpu")) - before };
    };
  };

  const client = await sample(Object.fromEntries(clients.map((name) => [name, calling(name)])), plan);
  const server = await sample(Object.fromEntries(servers.map((name, n) => [name, served(name, n)])), plan);
  const titles = [`NATS client, ${inFlight} calls in flight`, `NATS server, ${inFlight} calls in flight`] as const;
  return [
    { title: `${titles[0]}: time a call`, costs: client.time, claims: clientClaims },
    { title: `${titles[0]}: the client's CPU time a call`, costs: client.cpu, claims: clientClaims },
    { title: `${titles[1]}: time a call`, costs: server.time, claims: [] },
    { title: `${titles[1]}: the server's CPU time a call`, costs: server.cpu, claims: [] },
  ];
}

/** What both sides cost beside the driver used the ordinary way and by hand: each in a process, and one NATS server for all. */
export const natsBench: Bench = { name: "nats", run };
