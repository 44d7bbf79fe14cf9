import type { Costs, Plan } from "./bench.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { cpuUs } from "./cpu-time.ts";

/** Does its operation that many times. Give each contender a loop of its own, so that none is slowed by what the engine learnt from another. */
export type Contender = (count: number) => unknown;

/** A contender in another process, which measures itself: the way there and back is no part of its operation. */
export interface Elsewhere {
  /** Does its operation that many times. */
  run(count: number): Promise<Took>;
}

/** What operations took, in ms. */
interface Took {
  readonly timeMs: number;
  /** CPU time of the process. */
  readonly cpuMs: number;
}

/** Milliseconds of this process's own work: what others do on the machine meanwhile does not count. For contenders that wait for nothing. */
export function cpuMs(): number {
  return cpuUs() / 1_000;
}

/**
 * Measures contenders against each other, those of this process and those elsewhere: all in each round, so that a disturbance hits all
 * of them, and beginning with another one each round, since the first is at an advantage.
 *
 * @param clock - in ms; {@link cpuMs}, or the time that passes. Of what is measured elsewhere it tells which figure counts.
 */
export async function interleave(
  contenders: Readonly<Record<string, Contender | Elsewhere>>,
  plan: Plan,
  clock: () => number = () => performance.now(),
): Promise<Costs> {
  const names = Object.keys(contenders);
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = await warmUp(contenders[name]!, plan, clock);
  const costs: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round += 1) {
    for (let place = 0; place < names.length; place += 1) {
      const name = names[(round + place) % names.length]!;
      const count = counts[name]!;
      costs[name]!.push(((await timed(contenders[name]!, count, clock)) * 1e6) / count);
    }
  }
  return costs;
}

/** Runs a contender until it is warm, and tells how many operations fill a sample. */
async function warmUp(
  contender: Contender | Elsewhere,
  { warmUpMs, sampleMs }: Plan,
  clock: () => number,
): Promise<number> {
  const end = performance.now() + warmUpMs;
  let count = 1;
  for (;;) {
    const tookMs = await timed(contender, count, clock);
    if (tookMs < sampleMs) count = Math.ceil(count * Math.min(10, (1.1 * sampleMs) / Math.max(tookMs, 0.001)));
    else if (performance.now() >= end) return count;
  }
}

async function timed(contender: Contender | Elsewhere, count: number, clock: () => number): Promise<number> {
  if (typeof contender !== "function") {
    const took = await contender.run(count);
    return clock === cpuMs ? took.cpuMs : took.timeMs;
  }
  // What the one before left behind is not this one's to clear away.
  collectGarbage();
  const start = clock();
  await contender(count);
  return clock() - start;
}
