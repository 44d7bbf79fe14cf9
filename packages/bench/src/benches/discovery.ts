import { endpointer, type Instance, instanceCache } from "@kit/sd";

import type { Bench, Plan, Result } from "../bench.ts";
import { interleave } from "../interleave.ts";

const size = 10_000;

/** One in so many is replaced by the next update. */
const replaced = 100;

/** So many answers are given in turn. */
const turns = 8;

/** What a registry answers: new objects each time. */
function answers(): Instance[][] {
  return Array.from({ length: turns }, (_, turn) =>
    Array.from({ length: size }, (__, index) => ({
      address: `host-${index}${index % replaced === 0 ? `-${turn}` : ""}:8080`,
      zone: `zone-${index % 3}`,
      metadata: { version: "1.2.3" },
    })),
  );
}

/** The same in an order of its own: what follows what is of no use then. */
function stirred(answer: readonly Instance[], turn: number): Instance[] {
  // Steps that have no divisor in common with the size, so that all are visited.
  const step = 4001 + 10 * turn;
  return answer.map((_, index) => answer[(index * step) % size]!);
}

/** An instancer and an endpointer as every adapter has them, which are told one answer after the other. */
async function measure(title: string, told: readonly (readonly Instance[])[], plan: Plan): Promise<Result> {
  await using cache = instanceCache();
  await using live = endpointer(cache, (instance) => ({ endpoint: instance, close() {} }));
  let updates = 0;
  const costs = await interleave(
    {
      "cache and endpointer"(count) {
        for (let i = 0; i < count; i += 1) cache.update(told[updates++ % turns]!);
      },
    },
    plan,
  );
  if (live.endpoints().length !== size) throw new Error(`${live.endpoints().length} endpoints of ${size} instances`);
  return { title, costs, claims: [{ ours: "cache and endpointer", withinMs: 3 }] };
}

/** What an update costs that replaces a hundredth of many instances. */
export const discoveryBench: Bench = {
  name: "discovery",
  run: async (plan) => [
    await measure(`update of ${size} instances, ${size / replaced} of them new`, answers(), plan),
    await measure("the same, in another order each time", answers().map(stirred), plan),
  ],
};
