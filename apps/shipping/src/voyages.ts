import { unknownVoyage } from "./refusals.ts";

/** A port of call, and the days from the one before. */
export interface Call {
  readonly location: string;
  readonly days: number;
}

/** The voyages of go-kit's example. The first three call at ports that are not among our locations; the others have no schedule there, and here sail round and round. */
export const voyages: ReadonlyMap<string, readonly Call[]> = new Map([
  ["V100", []],
  ["V300", []],
  ["V400", []],
  ["0100S", round(["CNHKG", 4], ["JNTKO", 4], ["AUMEL", 9])],
  ["0200T", round(["JNTKO", 12], ["NLRTM", 22], ["DEHAM", 2])],
  ["0300A", round(["DEHAM", 3], ["SESTO", 3])],
  ["0301S", round(["SESTO", 4], ["NLRTM", 4], ["CNHKG", 24], ["AUMEL", 10])],
  ["0400S", round(["CNHKG", 3], ["AUMEL", 8], ["JNTKO", 9])],
]);

function round(...calls: readonly (readonly [location: string, days: number])[]): readonly Call[] {
  return calls.map(([location, days]) => ({ location, days }));
}

/** @throws {KitError} `invalid_argument`, `unknownVoyage`. */
export function requireVoyage(number: string): void {
  if (!voyages.has(number)) throw unknownVoyage();
}
