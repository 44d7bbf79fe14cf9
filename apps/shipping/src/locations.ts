import { unknownLocation } from "./refusals.ts";

/** The locations of go-kit's example, by their UN/LOCODE. */
export const locations: ReadonlyMap<string, string> = new Map([
  ["AUMEL", "Melbourne"],
  ["CNHKG", "Hongkong"],
  ["DEHAM", "Hamburg"],
  ["JNTKO", "Tokyo"],
  ["NLRTM", "Rotterdam"],
  ["SESTO", "Stockholm"],
]);

/** @throws {KitError} `invalid_argument`, `unknownLocation`. */
export function requireLocation(locode: string): void {
  if (!locations.has(locode)) throw unknownLocation();
}
