import type { Bound, Claim, Costs } from "./bench.ts";

/** A value that so many of a hundred are below. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = ((sorted.length - 1) * percent) / 100;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

/** The middle of a series, and how far its middle half reaches. */
export interface Summary {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function summary(values: readonly number[]): Summary {
  return { median: percentile(values, 50), low: percentile(values, 25), high: percentile(values, 75) };
}

/** How many times as fast as the other ours was, round by round: what disturbs a whole round falls out. */
export function speedUp({ ours, other }: Claim, costs: Costs): Summary {
  const [mine, theirs] = [costs[ours]!, costs[other]!];
  return summary(theirs.map((cost, round) => cost / mine[round]!));
}

/** What ours cost, or how much more than the other, round by round. */
export function excess({ ours, over }: Bound, costs: Costs): Summary {
  const theirs = over === undefined ? [] : costs[over]!;
  return summary(costs[ours]!.map((cost, round) => cost - (theirs[round] ?? 0)));
}
