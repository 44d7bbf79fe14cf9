import { missingNeeds, rabbitmq, startServer } from "@kit/servers";
import { type ContenderName, contenders } from "../amqp/contenders.ts";
import type { Called, EndQuestion } from "../amqp/end.ts";
import { inFlight } from "../amqp/sum.ts";
import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import { sample, type Sampled } from "../sampling.ts";

const claims: readonly Claim[] = [{ ours: "kit, one endpoint", other: "amqplib by hand", goal: 0.97 }];

async function run(plan: Plan): Promise<readonly Result[]> {
  if (missingNeeds(rabbitmq).length > 0) {
    console.log(`amqp is left out, for there is no RabbitMQ; install: ${rabbitmq.install}`);
    return [];
  }
  await using broker = await startServer(rabbitmq);
  await using children = childProcesses();
  const program = new URL("../amqp/end.js", import.meta.url);

  async function served(name: ContenderName): Promise<Sampled> {
    const server = children.start<EndQuestion, number>(program, name, "serve", broker.url);
    await server.ask("ready");
    const client = children.start<EndQuestion, Called & number>(program, name, "call", broker.url);
    const used = async (): Promise<number> => (await server.ask("cpu")) + (await client.ask("cpu"));
    return async (ms) => {
      const before = await used();
      const { requests, tookMs } = await client.ask({ ms });
      return { requests, tookMs, cpuUs: (await used()) - before };
    };
  }

  const names = Object.keys(contenders) as ContenderName[];
  const pairs = await Promise.all(names.map(async (name) => [name, await served(name)] as const));
  const { time, cpu } = await sample(Object.fromEntries(pairs), plan);
  const title = `AMQP, ${inFlight} calls in flight`;
  return [
    { title: `${title}: time a call`, costs: time, claims },
    { title: `${title}: CPU time of client and server a call`, costs: cpu, claims },
  ];
}

/** What a call costs beside amqplib used by hand, Moleculer and NestJS: each end of each contender in a process, RabbitMQ between them. */
export const amqpBench: Bench = { name: "amqp", run };
