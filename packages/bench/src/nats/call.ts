// A program: calls by one contender's client, as fast as it is answered.
import { connect } from "@nats-io/transport-node";
import { answer } from "../child.ts";
import { inFlight, request, response, type SumRequest, type SumResponse } from "../http/sum.ts";
import type { Sample } from "../sampling.ts";
import { type ClientName, clients } from "./clients.ts";

type Client = (request: SumRequest) => Promise<SumResponse>;

const [, , name, servers, prefix] = process.argv;
const making = makeClient();

async function makeClient(): Promise<Client> {
  const [module, connection] = await Promise.all([clients[name as ClientName](), connect({ servers: servers! })]);
  return module.makeClient(connection, prefix!);
}

/** Makes one call after another until the time is up, and tells how many. */
async function calls(client: Client, until: number): Promise<number> {
  let count = 0;
  do {
    const { v } = await client(request);
    if (v !== response.v) throw new Error(`not the answer: ${v}`);
    count += 1;
  } while (performance.now() < until);
  return count;
}

answer(async (ms: number): Promise<Sample> => {
  const client = await making;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const counts = await Promise.all(Array.from({ length: inFlight }, () => calls(client, start + ms)));
  const tookMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { requests: counts.reduce((sum, count) => sum + count, 0), tookMs, cpuUs: user + system };
});
