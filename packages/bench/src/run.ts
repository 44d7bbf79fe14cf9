import type { Plan } from "./bench.ts";
import { benches } from "./benches.ts";
import { answer } from "./child.ts";

const load = benches[process.argv[2]!]!;

answer(async (plan: Plan) => (await load()).run(plan));
