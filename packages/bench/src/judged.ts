import { amount, times } from "./amount.ts";
import type { Bound, Claim, Costs, Unit } from "./bench.ts";
import { excess, speedUp, type Summary } from "./statistics.ts";

/** A claim, and what was measured. */
export type Judged = ((Claim & { readonly ratio: Summary }) | (Bound & { readonly cost: Summary })) & {
  readonly met: boolean;
};

export function judged(claim: Claim | Bound, costs: Costs): Judged {
  if ("below" in claim) {
    const cost = excess(claim, costs);
    return { ...claim, cost, met: cost.median < claim.below };
  }
  const ratio = speedUp(claim, costs);
  return { ...claim, ratio, met: ratio.median >= claim.goal };
}

/** The claim for people: of whom, the figure, how far its middle half reaches if it does, and the goal. */
export function spoken(claim: Judged, unit: Unit): readonly [string, string, string, string] {
  if ("below" in claim) {
    const { ours, over, below, cost } = claim;
    const inUnit = (value: number): string => amount(value, unit);
    const whose = over === undefined ? ours : `${ours} - ${over}`;
    return [whose, inUnit(cost.median), reach(cost, inUnit), `goal under ${inUnit(below)}`];
  }
  const { ours, other, goal, ratio } = claim;
  return [`${ours} / ${other}`, times(ratio.median), reach(ratio, times), `goal ${times(goal)}`];
}

/** How far the middle half reaches; nothing where one measurement was enough. */
export function reach({ low, high }: Summary, shown: (value: number) => string): string {
  return low < high ? `${shown(low)} to ${shown(high)}` : "";
}
