// A program: calls a server by one contender's client, as fast as it answers.
import { answer } from "../child.ts";
import type { Sample } from "../sampling.ts";
import { type ClientName, clients } from "./clients.ts";
import { inFlight, response } from "./sum.ts";

const [, , name, address] = process.argv;
const call = clients[name as ClientName](address!);

/** Makes one call after another until the time is up, and tells how many. */
async function calls(until: number): Promise<number> {
  let count = 0;
  do {
    const { v } = await call();
    if (v !== response.v) throw new Error(`not the answer: ${v}`);
    count += 1;
  } while (performance.now() < until);
  return count;
}

answer(async (ms: number): Promise<Sample> => {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const counts = await Promise.all(Array.from({ length: inFlight }, () => calls(start + ms)));
  const tookMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { requests: counts.reduce((sum, count) => sum + count, 0), tookMs, cpuUs: user + system };
});
