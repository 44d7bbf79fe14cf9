import { roundRobin } from "@kit/lb";
import { endpointer, fixedInstancer } from "@kit/sd";
import { ServiceBroker, Strategies } from "moleculer";

import type { Bench, Plan, Result } from "../bench.ts";
import { cpuMs, interleave } from "../interleave.ts";

// Each pick is put here, or the engine would not even make it.
const handed: { picked: object | undefined } = { picked: undefined };

async function measure(size: number, plan: Plan): Promise<Result> {
  const instances = Array.from({ length: size }, (_, index) => ({ address: `10.0.0.0:${index}` }));
  await using instancer = fixedInstancer(instances);
  await using live = endpointer(instancer, (instance) => ({ endpoint: instance }));
  const balancer = roundRobin(live);
  const broker = new ServiceBroker({ logger: false });
  const strategy = new Strategies.RoundRobin(broker.registry, broker, {});
  const costs = await interleave(
    {
      roundRobin(count) {
        for (let i = 0; i < count; i += 1) handed.picked = balancer.pick();
      },
      "array index"(count) {
        for (let i = 0; i < count; i += 1) handed.picked = instances[i % size];
      },
      "Moleculer's round robin"(count) {
        for (let i = 0; i < count; i += 1) handed.picked = strategy.select(instances);
      },
    },
    plan,
    cpuMs,
  );
  return {
    title: `a pick of ${size} instances`,
    costs,
    claims: [{ ours: "roundRobin", other: "array index", goal: 0.5 }],
  };
}

/** What a pick costs, whether of few instances or of many. */
export const bench: Bench = [3, 100, 10_000].map((size) => (plan) => measure(size, plan));
