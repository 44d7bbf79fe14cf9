import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Server } from "@kit/servers";
import { vi } from "vitest";

const run = promisify(execFile);

/** What PCP has of one file: the values of each metric, by the name of their instance, `""` where there are none. */
export type Seen = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Where a server looks for files. */
export const directoryOf = ({ place }: Server): string => join(place.directory, "mmv");

/** Asks the collector, through its own client; nothing where it knows no such file. */
export async function seenBy({ port }: Server, file: string): Promise<Seen> {
  const { stdout } = await run("pminfo", ["-h", `127.0.0.1:${port}`, "-f", `mmv.${file}`], { timeout: 20_000 }).catch(
    (error: Error & { stdout: string; stderr: string }) => {
      if (!/Unknown metric name/.test(error.stderr)) throw error;
      return error;
    },
  );
  const seen: Record<string, Record<string, number>> = {};
  for (const block of stdout.split("\n\n")) {
    const [, name] = /^\s*mmv\.\w+\.(\S+)/.exec(block) ?? [];
    if (name === undefined) continue;
    seen[name] = {};
    for (const [, instance = "", value] of block.matchAll(/^ {4}(?:inst \[\d+ or "(.*)"\] )?value (\S+)$/gm)) {
      seen[name][instance] = Number(value);
    }
  }
  return seen;
}

/** Asks until it is there. */
export async function seenWith(server: Server, file: string, isThere: (seen: Seen) => boolean): Promise<Seen> {
  return vi.waitUntil(
    async () => {
      const seen = await seenBy(server, file);
      return isThere(seen) && seen;
    },
    { timeout: 30_000, interval: 20 },
  );
}

/** The labels of a metric's instances, in the order of their numbers. */
export async function labelsOf({ port }: Server, file: string, metric: string): Promise<Record<string, unknown>[]> {
  const { stdout } = await run("pminfo", ["-h", `127.0.0.1:${port}`, "-l", `mmv.${file}.${metric}`], {
    timeout: 20_000,
  });
  return Array.from(stdout.matchAll(/^ {4}inst \[(\d+) or ".*"\] labels (.*)$/gm))
    .toSorted(([, one], [, other]) => Number(one) - Number(other))
    .map(([, , labels]) => JSON.parse(labels!) as Record<string, unknown>);
}

/** PCP's own reader of files, which checks all it reads. */
export async function dump(path: string): Promise<string> {
  return (await run("/usr/lib/pcp/pmdas/mmv/mmvdump", [path], { maxBuffer: 2 ** 26 })).stdout;
}
