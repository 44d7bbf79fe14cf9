import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import { inFlight } from "../http/sum.ts";
import { sample, type Sampled } from "../sampling.ts";
import { type ContenderName, contenders } from "../thrift/contenders.ts";
import type { RunAnswer, RunQuestion } from "../thrift/run.ts";

const claims: readonly Claim[] = [
  { ours: "kit, framed", other: "thrift, framed", goal: 0.97 },
  { ours: "kit, buffered", other: "thrift, buffered", goal: 0.97 },
  { ours: "kit, headers", other: "thrift, framed", goal: 0.95 },
  { ours: "kit, contract and zod", other: "thrift, framed", goal: 0.85 },
];

async function measure(plan: Plan): Promise<readonly Result[]> {
  await using children = childProcesses();
  const program = new URL("../thrift/run.js", import.meta.url);

  function pair(name: string): Sampled {
    const [server, client] = [
      children.start<RunQuestion, any>(program, name),
      children.start<RunQuestion, any>(program, name),
    ];
    let port: Promise<number> | undefined;
    const cpu = async (): Promise<number> => Number(await server.ask("cpu")) + Number(await client.ask("cpu"));
    return async (ms) => {
      port ??= server.ask("port");
      const question = { port: await port, ms };
      const before = await cpu();
      const { requests, tookMs } = (await client.ask(question)) as RunAnswer;
      return { requests, tookMs, cpuUs: (await cpu()) - before };
    };
  }

  const names = Object.keys(contenders) as ContenderName[];
  const { time, cpu } = await sample(Object.fromEntries(names.map((name) => [name, pair(name)])), plan);
  const title = `Thrift, binary, ${inFlight} calls on one connection`;
  return [
    { title: `${title}: time a call`, costs: time, claims },
    { title: `${title}: CPU time a call, of client and server`, costs: cpu, claims },
  ];
}

/** What client and server cost beside the runtime's own: each in a process. */
export const bench: Bench = [measure];
