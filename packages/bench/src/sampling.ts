import type { Costs, Plan } from "./bench.ts";

/** What a contender did in one sample. */
export interface Sample {
  readonly requests: number;
  readonly tookMs: number;
  /** CPU time of the contender's process alone, all its threads together. */
  readonly cpuUs: number;
}

/** Has a contender work for that long. */
export type Sampled = (ms: number) => Promise<Sample>;

/** A request goes through two processes and the kernel, which are noisier than a loop: so many times as long as one. */
const longer = 20;

/**
 * Measures contenders that run in processes of their own: all in each round, beginning with another one each round.
 *
 * @returns what a request takes of the time that passes, and of the process's CPU time. The second is the steadier figure on a machine
 *   which others use too.
 */
export async function sample(
  contenders: Readonly<Record<string, Sampled>>,
  { rounds, sampleMs, warmUpMs }: Plan,
): Promise<{ readonly time: Costs; readonly cpu: Costs }> {
  const names = Object.keys(contenders);
  if (warmUpMs > 0) for (const name of names) await contenders[name]!(longer * warmUpMs);
  const time: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  const cpu: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (let place = 0; place < names.length; place += 1) {
      const name = names[(round + place) % names.length]!;
      const { requests, tookMs, cpuUs } = await contenders[name]!(longer * sampleMs);
      time[name]!.push((tookMs * 1e6) / requests);
      cpu[name]!.push((cpuUs * 1e3) / requests);
    }
  }
  return { time, cpu };
}
