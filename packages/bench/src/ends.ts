import type { Children } from "./child.ts";
import type { Called, EndQuestion } from "./end.ts";
import type { Sample } from "./sampling.ts";

/** Which contender's ends to start, and how many of them serve. */
interface Started {
  readonly program: URL;
  readonly name: string;
  readonly where: string;
  readonly servers: number;
}

/** Starts both ends of a contender, each in a process of its own. @returns what has one call the others; the CPU time is that of all of them. */
export async function startEnds(
  children: Children,
  { program, name, where, servers }: Started,
): Promise<(ms: number, calls: number) => Promise<Sample>> {
  const start = (end: "serve" | "call") => children.start<EndQuestion, Called & number>(program, name, end, where);
  const serving = Array.from({ length: servers }, () => start("serve"));
  await Promise.all(serving.map((server) => server.ask("ready")));
  const client = start("call");
  await client.ask("ready");

  const used = async (): Promise<number> => {
    const all = await Promise.all([client, ...serving].map((end) => end.ask("cpu")));
    return all.reduce((sum, us) => sum + us, 0);
  };
  return async (ms, calls) => {
    const before = await used();
    const { requests, tookMs } = await client.ask({ ms, calls });
    return { requests, tookMs, cpuUs: (await used()) - before };
  };
}
