import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { type Asked, childProcesses } from "../child.ts";
import { goPrograms } from "../go/programs.ts";
import type { ClientName } from "../grpc/clients.ts";
import type { ServeQuestion } from "../grpc/serve.ts";
import type { ServerName } from "../grpc/servers.ts";
import { inFlight } from "../grpc/sum.ts";
import { sample, type Sample, type Sampled } from "../sampling.ts";

const bare = "grpc-js by hand";
/** The same again, at the other end of the order: what chance and place make of two that are alike. */
const first = "grpc-js by hand, first";
const servers: readonly ServerName[] = ["grpcHandler", "serveGrpc, descriptor and zod", bare, "connect-node", "NestJS"];
const clients: readonly ClientName[] = ["grpcClient", "connectGrpc, descriptor", bare, "connect-node", "NestJS"];

const serverClaims: readonly Claim[] = [
  { ours: "grpcHandler", other: bare, goal: 0.97 },
  { ours: "serveGrpc, descriptor and zod", other: bare, goal: 0.85 },
];
const clientClaims: readonly Claim[] = [
  { ours: "grpcClient", other: bare, goal: 0.97 },
  { ours: "connectGrpc, descriptor", other: bare, goal: 0.97 },
];

async function measure(plan: Plan): Promise<readonly Result[]> {
  await using children = childProcesses();
  await using go = goPrograms();
  const serve = (name: ServerName) =>
    children.start<ServeQuestion, number>(new URL("../grpc/serve.js", import.meta.url), name);
  const call = (name: ClientName, port: number) =>
    children.start<number, Sample>(new URL("../grpc/call.js", import.meta.url), name, `127.0.0.1:${port}`);

  async function served(server: Asked<ServeQuestion, number>): Promise<Sampled> {
    const load = call(bare, await server.ask("port"));
    return async (ms) => {
      const before = await server.ask("cpu");
      const { requests, tookMs } = await load.ask(ms);
      return { requests, tookMs, cpuUs: (await server.ask("cpu")) - before };
    };
  }

  const peer = await serve(bare).ask("port");
  const called = (name: ClientName): Sampled => {
    const client = call(name, peer);
    return (ms) => client.ask(ms);
  };

  const serving: Record<string, Sampled> = { [first]: await served(serve(bare)) };
  for (const name of servers) serving[name] = await served(serve(name));
  for (const [name, server] of Object.entries(go.servers({ "Go go-kit": "grpc" })))
    serving[name] = await served(server);
  const calling: Record<string, Sampled> = { [first]: called(bare) };
  for (const name of clients) calling[name] = called(name);
  const server = await sample(serving, plan);
  const client = await sample(calling, plan);
  const title = `gRPC, unary, ${inFlight} calls in flight`;
  return [
    { title: `${title}: time a call, by server`, costs: server.time, claims: serverClaims },
    { title: `${title}: the server's CPU time a call`, costs: server.cpu, claims: serverClaims },
    { title: `${title}: time a call, by client`, costs: client.time, claims: clientClaims },
    { title: `${title}: the client's CPU time a call`, costs: client.cpu, claims: clientClaims },
  ];
}

/** What a server and a client cost beside grpc-js used by hand, connect-node, NestJS and, as a server, Go go-kit, with the same messages: each in a process, and its other side in another. */
export const bench: Bench = [measure];
