import type { Check } from "../bench.ts";
import { percentile } from "../statistics.ts";
import type { Held, Look, Pace } from "./client.ts";

const median = (values: readonly number[]): number => percentile(values, 50);

/** Nothing may be lost. What may fail is what was answered with nonsense, since that is not tried again. */
export function lost(looks: readonly Look[], nonsense: number): Check[] {
  const sum = (count: (look: Look) => number): number => looks.reduce((total, look) => total + count(look), 0);
  const codes = [...new Set(looks.flatMap(({ failed }) => Object.keys(failed)))];
  const byCode = codes.map((code) => [code, sum(({ failed }) => failed[code] ?? 0)] as const);
  const [calls, ok, wrong] = [sum((look) => look.calls), sum((look) => look.ok), sum((look) => look.wrong)];
  const ended = byCode.reduce((total, [, count]) => total + count, ok + wrong);
  return [
    { what: "answers that are wrong", found: String(wrong), goal: "0", met: wrong === 0 },
    { what: "calls that never ended", found: String(calls - ended), goal: "0", met: calls === ended },
    {
      what: `failures of ${calls} calls`,
      found: byCode.map(([code, count]) => `${count} ${code}`).join(", ") || "0",
      goal: `at most the ${nonsense} that were answered with nonsense, internal`,
      met: byCode.every(([code, count]) => code === "internal" && count <= nonsense),
    },
  ];
}

/** What the process holds stays as it is: the last third of the time beside the second. */
export function flat(looks: readonly Look[]): Check[] {
  const third = Math.floor(looks.length / 3);
  if (third === 0) return [];
  const check = (what: string, field: keyof Held, unit: number, allowed: number): Check => {
    const middle = (from: number, to?: number): number =>
      median(looks.slice(from, to).map((look) => look[field] / unit));
    const [before, after] = [middle(-2 * third, -third), middle(-third)];
    const most = before + Math.max(allowed, before / 20);
    return {
      what: `${what}, in the last third`,
      found: `${after.toFixed(1)}, before ${before.toFixed(1)}`,
      goal: `at most ${most.toFixed(1)}`,
      met: after <= most,
    };
  };
  const megabyte = 2 ** 20;
  return [
    check("MB of heap", "heapBytes", megabyte, 5),
    check("MB resident", "rssBytes", megabyte, 5),
    check("handles", "handles", 1, 5),
    check("open files", "files", 1, 5),
  ];
}

/** It is no slower than at the start: than one that was started just now, in turns with it, so that both have the same machine. */
export function notSlower(old: readonly Pace[], fresh: readonly Pace[]): Check[] {
  const check = (what: string, field: keyof Pace): Check => {
    const times = median(old.map((pace, round) => pace[field] / fresh[round]![field]));
    return {
      what: `${what} beside a client just started`,
      found: `${times.toFixed(2)} x`,
      goal: "at most 1.10 x",
      met: times <= 1.1,
    };
  };
  return [check("CPU time a call", "cpuUs"), check("p50", "p50Ms"), check("p99", "p99Ms")];
}
