import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import type { Costs, Plan } from "./bench.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Does its operation that many times. Give each contender a loop of its own, so that none is slowed by what the engine learnt from another. */
export type Contender = (count: number) => unknown;

/**
 * Measures contenders of one process against each other: all in each round, so that a disturbance hits all of them, and beginning
 * with another one each round, since the first is at an advantage.
 */
export async function interleave(contenders: Readonly<Record<string, Contender>>, plan: Plan): Promise<Costs> {
  const names = Object.keys(contenders);
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = await warmUp(contenders[name]!, plan);
  const costs: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (let place = 0; place < names.length; place += 1) {
      const name = names[(round + place) % names.length]!;
      const count = counts[name]!;
      costs[name]!.push(((await timed(contenders[name]!, count)) * 1e6) / count);
    }
  }
  return costs;
}

/** Runs a contender until it is warm, and tells how many operations fill a sample. */
async function warmUp(contender: Contender, { warmUpMs, sampleMs }: Plan): Promise<number> {
  const end = performance.now() + warmUpMs;
  let count = 1;
  for (;;) {
    const tookMs = await timed(contender, count);
    if (tookMs < sampleMs) count = Math.ceil(count * Math.min(10, (1.1 * sampleMs) / Math.max(tookMs, 0.001)));
    else if (performance.now() >= end) return count;
  }
}

async function timed(contender: Contender, count: number): Promise<number> {
  // What the one before left behind is not this one's to clear away.
  collectGarbage();
  const start = performance.now();
  await contender(count);
  return performance.now() - start;
}
