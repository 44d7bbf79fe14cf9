import { rabbitmq, startServer } from "@kit/servers";
import { contenders } from "../amqp/contenders.ts";
import { inFlight } from "../amqp/sum.ts";
import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import { startEnds } from "../ends.ts";
import { isInstalled } from "../installed.ts";
import { sample, type Sampled } from "../sampling.ts";

const claims: readonly Claim[] = [
  { ours: "kit, one endpoint", other: "amqplib by hand", goal: 0.97 },
  { ours: "kit, contract and zod", other: "amqplib by hand", goal: 0.85 },
];

async function measure(plan: Plan): Promise<readonly Result[]> {
  if (!isInstalled("amqp", rabbitmq)) return [];
  await using broker = await startServer(rabbitmq);
  await using children = childProcesses();
  const program = new URL("../amqp/end.js", import.meta.url);

  async function called(name: string): Promise<readonly [string, Sampled]> {
    const sampled = await startEnds(children, { program, name, where: broker.url, servers: 1 });
    return [name, (ms) => sampled(ms, inFlight)];
  }

  const pairs = await Promise.all(Object.keys(contenders).map(called));
  const { time, cpu } = await sample(Object.fromEntries(pairs), plan);
  const title = `AMQP, ${inFlight} calls in flight`;
  return [
    { title: `${title}: time a call`, costs: time, claims },
    { title: `${title}: CPU time of client and server a call`, costs: cpu, claims },
  ];
}

/** What a call costs beside amqplib used by hand, Moleculer and NestJS: each end of each contender in a process, RabbitMQ between them. */
export const bench: Bench = [measure];
