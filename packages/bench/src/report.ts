import { cpus } from "node:os";

import type { Bound, Claim, Costs, Result } from "./bench.ts";
import { speedUp, summary, type Summary } from "./statistics.ts";

/** What is printed, and what is written as JSON. */
export interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
  readonly results: readonly Reported[];
}

export interface Reported {
  readonly title: string;
  readonly contenders: readonly ({ readonly name: string } & Record<"medianNs" | "lowNs" | "highNs", number>)[];
  readonly claims: readonly Judged[];
}

type Judged = ((Claim & { readonly ratio: Summary }) | (Bound & { readonly ns: Summary })) & { readonly met: boolean };

export function machine(): Report["machine"] {
  const all = cpus();
  return { cpu: all[0]?.model ?? "unknown", cores: all.length, node: process.version };
}

export function reported({ title, costs, claims }: Result): Reported {
  return {
    title,
    contenders: Object.entries(costs).map(([name, series]) => {
      const { median, low, high } = summary(series);
      return { name, medianNs: median, lowNs: low, highNs: high };
    }),
    claims: claims.map((claim) => judged(claim, costs)),
  };
}

function judged(claim: Claim | Bound, costs: Costs): Judged {
  if ("withinMs" in claim) {
    const ns = summary(costs[claim.ours]!);
    return { ...claim, ns, met: ns.median < claim.withinMs * 1e6 };
  }
  const ratio = speedUp(claim, costs);
  return { ...claim, ratio, met: ratio.median >= claim.goal };
}

/** The result as a table, what is claimed beside its goal. */
export function table({ title, contenders, claims }: Reported): string {
  const rows = contenders.map(({ name, medianNs, lowNs, highNs }) => [
    name,
    time(medianNs),
    `${time(lowNs)} to ${time(highNs)}`,
  ]);
  return [title, ...aligned(rows), ...aligned(claims.map(claimRow)), ""].join("\n");
}

function claimRow(claim: Judged): string[] {
  const verdict = claim.met ? "met" : "MISSED";
  if ("withinMs" in claim) {
    const { ours, withinMs, ns } = claim;
    return [ours, time(ns.median), `goal under ${time(withinMs * 1e6)}`, verdict];
  }
  const { ours, other, goal, ratio } = claim;
  return [
    `${ours} / ${other}`,
    times(ratio.median),
    `${times(ratio.low)} to ${times(ratio.high)}`,
    `goal ${times(goal)}`,
    verdict,
  ];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => {
    const [first = "", ...rest] = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
    );
    return `  ${[first, ...rest].join("  ")}`;
  });
}

export function time(ns: number): string {
  const [value, unit] = ns < 1e3 ? [ns, "ns"] : ns < 1e6 ? [ns / 1e3, "µs"] : [ns / 1e6, "ms"];
  return `${value.toPrecision(3)} ${unit}`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} x`;
}
