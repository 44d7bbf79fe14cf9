import type { Plan, Result } from "./bench.ts";
import { benches } from "./benches.ts";
import { answer } from "./child.ts";
import { leftOut } from "./left-out.ts";

export interface Ran {
  readonly results: readonly Result[];
  /** Whether the bench has more to measure. */
  readonly more: boolean;
  /** What could not be measured, a line each. */
  readonly leftOut: readonly string[];
}

const [name = "", place] = process.argv.slice(2);

answer(async (plan: Plan): Promise<Ran> => {
  const { bench } = await benches[name]!();
  const at = Number(place);
  const results = [await bench[at]!(plan)].flat();
  return { results, more: at + 1 < bench.length, leftOut: leftOut() };
});
