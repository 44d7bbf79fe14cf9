import type { Unit } from "./bench.ts";

const names: Record<Unit, readonly string[]> = { ns: ["ns", "µs", "ms", "s"], bytes: ["B", "kB", "MB"] };

/** A cost for people: three digits, and the unit in which they are not many zeros. */
export function amount(cost: number, unit: Unit): string {
  const [smallest, ...larger] = names[unit];
  let [shown, name] = [Number(cost.toPrecision(3)), smallest];
  for (const next of larger) {
    if (Math.abs(shown) < 1000) break;
    [shown, name] = [shown / 1000, next];
  }
  return `${unit === "bytes" && name === smallest ? shown : shown.toPrecision(3)} ${name}`;
}

export function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} x`;
}
