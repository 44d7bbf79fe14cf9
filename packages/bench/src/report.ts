import { cpus } from "node:os";

import { amount } from "./amount.ts";
import type { Check, Course, Result, Unit } from "./bench.ts";
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
  readonly course?: Course;
}

export function machine(): Report["machine"] {
  const all = cpus();
  return { cpu: all[0]?.model ?? "unknown", cores: all.length, node: process.version };
}

export function reported({ title, unit = "ns", costs, claims, ours = [], course }: Result): Reported {
  const own = new Set([...ours, ...claims.map((claim) => claim.ours)]);
  return {
    title,
    unit,
    contenders: Object.entries(costs).map(([name, series]) => ({ name, ours: own.has(name), ...summary(series) })),
    claims: claims.map((claim) => judged(claim, costs)),
    ...(course && { course }),
  };
}

/** Whether all that is claimed of it is so. */
export function isMet({ claims, course }: Reported): boolean {
  return [...claims, ...(course?.checks ?? [])].every(({ met }) => met);
}

/** The result as a table, what is claimed beside its goal. */
export function table({ title, unit, contenders, claims, course }: Reported): string {
  const inUnit = (cost: number): string => amount(cost, unit);
  const rows = contenders.map((row) => [row.name, inUnit(row.median), reach(row, inUnit)]);
  const claimRows = claims.map((claim) => [...spoken(claim, unit), verdict(claim.met)]);
  return [title, ...aligned(rows), ...aligned(claimRows), ...courseRows(course), ""].join("\n");
}

function courseRows(course: Course | undefined): string[] {
  if (course === undefined) return [];
  const { seen, checks } = course;
  const columns = Object.keys(seen[0]!);
  const rows = seen.map((one) => columns.map((column) => figure(one[column]!)));
  return [...aligned([columns, ...rows]), ...aligned(checks.map(checkRow))];
}

function checkRow({ what, found, goal, met }: Check): string[] {
  return [what, found, `goal ${goal}`, verdict(met)];
}

function verdict(met: boolean): string {
  return met ? "met" : "MISSED";
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

function figure(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
