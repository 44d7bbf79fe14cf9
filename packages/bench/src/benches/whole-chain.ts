import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import { startEnds } from "../ends.ts";
import { inFlight } from "../http/sum.ts";
import { sample, type Sampled } from "../sampling.ts";
import { type ContenderName, contenders } from "../whole-chain/contenders.ts";
import { instances } from "../whole-chain/job.ts";

const ours: ContenderName = "kit";
const bare: ContenderName = "fastify and undici, nothing else";

/** How many calls warm a contender up, for each ms of the plan's. */
const callsPerMs = 250;

async function measure(plan: Plan): Promise<readonly Result[]> {
  const names = Object.keys(contenders) as ContenderName[];
  const claims: readonly Claim[] = names
    .filter((other) => other !== ours)
    .map((other) => ({ ours, other, goal: other === bare ? 0.8 : 1 }));
  const directory = await mkdtemp(join(tmpdir(), "kit-bench-"));
  try {
    await using children = childProcesses();
    const program = new URL("../whole-chain/end.js", import.meta.url);

    async function called(name: ContenderName): Promise<Sampled> {
      const where = await mkdtemp(join(directory, "place-"));
      const sampled = await startEnds(children, { program, name, where, servers: instances });
      // The first time is the warm-up, when all have been up for a while: of Moleculer's processes half stay up to four times as slow if they are
      // called as soon as they know each other. However busy the machine is, what is measured after it has been compiled.
      let calls = callsPerMs * plan.warmUpMs;
      return async (ms) => {
        const done = await sampled(ms, calls);
        calls = inFlight;
        return done;
      };
    }

    // One after another: that many programs that load at once would be in each other's way.
    const pairs: [ContenderName, Sampled][] = [];
    for (const name of names) pairs.push([name, await called(name)]);
    const { time, cpu } = await sample(Object.fromEntries(pairs), plan);
    const title = `a whole chain over HTTP, ${inFlight} calls in flight to ${instances} instances`;
    return [
      { title: `${title}: time a call`, costs: time, claims },
      { title: `${title}: CPU time of client and servers a call`, costs: cpu, claims },
    ];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * What a call costs with everything on that a service in production has: discovery, balance, retry, breakers, limits, logs, metrics and
 * traces; beside the same by hand, two frameworks, and a call with none of it. Each end of each contender in processes of its own.
 */
export const bench: Bench = [measure];
