import { cpus } from "node:os";

import { amount } from "./amount.ts";
import type { Result, Unit } from "./bench.ts";
import { type Judged, judged, reach, spoken } from "./judged.ts";
import { summary, type Summary } from "./statistics.ts";

/** What is printed, and what is written as JSON. */
export interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
  readonly results: readonly Reported[];
}

export interface Reported {
  readonly title: string;
  readonly unit: Unit;
  readonly contenders: readonly ({ readonly name: string; readonly ours: boolean } & Summary)[];
  readonly claims: readonly Judged[];
}

export function machine(): Report["machine"] {
  const all = cpus();
  return { cpu: all[0]?.model ?? "unknown", cores: all.length, node: process.version };
}

export function reported({ title, unit = "ns", costs, claims, ours = [] }: Result): Reported {
  const own = new Set([...ours, ...claims.map((claim) => claim.ours)]);
  return {
    title,
    unit,
    contenders: Object.entries(costs).map(([name, series]) => ({ name, ours: own.has(name), ...summary(series) })),
    claims: claims.map((claim) => judged(claim, costs)),
  };
}

/** The result as a table, what is claimed beside its goal. */
export function table({ title, unit, contenders, claims }: Reported): string {
  const inUnit = (cost: number): string => amount(cost, unit);
  const rows = contenders.map((row) => [row.name, inUnit(row.median), reach(row, inUnit)]);
  const claimRows = claims.map((claim) => [...spoken(claim, unit), claim.met ? "met" : "MISSED"]);
  return [title, ...aligned(rows), ...aligned(claimRows), ""].join("\n");
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => {
    const [first = "", ...rest] = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
    );
    return `  ${[first, ...rest].join("  ")}`.trimEnd();
  });
}
