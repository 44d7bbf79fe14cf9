import { answer } from "./child.ts";
import { cpuUs } from "./cpu-time.ts";
import type { Sample } from "./sampling.ts";

/** What a contender's client does over and over. */
export interface Calls {
  /** Makes one call. */
  readonly call: () => Promise<{ readonly v: number }>;
  /** What each call must be answered with. */
  readonly v: number;
  readonly inFlight: number;
}

/** Makes a program of a client: asked with a time in ms, it calls as fast as it is answered for so long, and tells how often and at what cost. */
export function answerSamples(made: Calls | Promise<Calls>): void {
  answer(async (ms: number): Promise<Sample> => {
    const { call, v, inFlight } = await made;
    const before = cpuUs();
    const start = performance.now();
    const until = start + ms;

    async function callInTurn(): Promise<number> {
      let count = 0;
      do {
        const answered = await call();
        if (answered.v !== v) throw new Error(`not the answer: ${answered.v}`);
        count += 1;
      } while (performance.now() < until);
      return count;
    }

    const counts = await Promise.all(Array.from({ length: inFlight }, callInTurn));
    const tookMs = performance.now() - start;
    return { requests: counts.reduce((sum, count) => sum + count, 0), tookMs, cpuUs: cpuUs() - before };
  });
}
