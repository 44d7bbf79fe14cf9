import type { Plan, Result } from "./bench.ts";
import { benches } from "./benches.ts";
import { answer } from "./child.ts";

export interface Ran {
  readonly results: readonly Result[];
  /** Whether the bench has more to measure. */
  readonly more: boolean;
}

const [name = "", place] = process.argv.slice(2);

answer(async (plan: Plan): Promise<Ran> => {
  const { bench } = await benches[name]!();
  const at = Number(place);
  return { results: [await bench[at]!(plan)].flat(), more: at + 1 < bench.length };
});
