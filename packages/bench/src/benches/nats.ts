import { nats, startServer } from "@kit/servers";
import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import { inFlight } from "../http/sum.ts";
import { isInstalled } from "../installed.ts";
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
  { ours: "natsClient", other: "the driver's request()", goal: 2.2 },
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

/** Both ends of one contender: a framework's client is answered by its own server only. */
const pairs: Readonly<Record<string, readonly [ClientName, ServerName]>> = {
  kit: ["natsClient", "natsHandler"],
  "kit, contract and zod": ["connectNats, contract and zod", "serveNats, contract and zod"],
  "the driver's request()": ["the driver's request()", byHand],
  "an inbox by hand": [cheapest, byHand],
  Moleculer: ["Moleculer", "Moleculer"],
  NestJS: ["NestJS", "NestJS"],
};
const pairClaims: readonly Claim[] = [
  { ours: "kit", other: "Moleculer", goal: 1 },
  { ours: "kit, contract and zod", other: "Moleculer", goal: 1 },
];

async function measure(plan: Plan): Promise<readonly Result[]> {
  if (!isInstalled("nats", nats)) return [];
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
  /** @param counted - what of the CPU time that client and server used. */
  function ends(
    [client, server]: readonly [ClientName, ServerName],
    prefix: string,
    counted: (clientUs: number, serverUs: number) => number,
  ): Sampled {
    const [serving, load] = [serve(server, prefix), call(client, prefix)];
    return async (ms) => {
      const before = await serving.ask("cpu");
      const { cpuUs, ...done } = await load.ask(ms);
      return { ...done, cpuUs: counted(cpuUs, (await serving.ask("cpu")) - before) };
    };
  }
  const served = (name: ServerName, n: number) => ends([cheapest, name], `servers-${n}`, (_, serverUs) => serverUs);
  const paired = (pair: readonly [ClientName, ServerName], n: number) =>
    ends(pair, `pairs-${n}`, (clientUs, serverUs) => clientUs + serverUs);

  const client = await sample(Object.fromEntries(clients.map((name) => [name, calling(name)])), plan);
  const server = await sample(Object.fromEntries(servers.map((name, n) => [name, served(name, n)])), plan);
  const both = await sample(
    Object.fromEntries(Object.entries(pairs).map(([name, pair], n) => [name, paired(pair, n)])),
    plan,
  );
  const titles = ["client", "server", "request and reply"].map((what) => `NATS ${what}, ${inFlight} calls in flight`);
  return [
    { title: `${titles[0]}: time a call`, costs: client.time, claims: clientClaims },
    { title: `${titles[0]}: the client's CPU time a call`, costs: client.cpu, claims: clientClaims },
    { title: `${titles[1]}: time a call`, costs: server.time, claims: [] },
    { title: `${titles[1]}: the server's CPU time a call`, costs: server.cpu, claims: [] },
    { title: `${titles[2]}: time a call`, costs: both.time, claims: pairClaims },
    { title: `${titles[2]}: CPU time of client and server a call`, costs: both.cpu, claims: pairClaims },
  ];
}

/** What both sides cost beside the driver used the ordinary way and by hand, and beside Moleculer and NestJS: each in a process, and one NATS server for all. */
export const bench: Bench = [measure];
