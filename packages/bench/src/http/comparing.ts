import type { Claim, Measure } from "../bench.ts";
import { childProcesses } from "../child.ts";
import type { LoadAnswer, LoadQuestion } from "./load.ts";
import type { ServeQuestion } from "./serve.ts";
import type { ServerName } from "./servers.ts";
import { inFlight } from "./sum.ts";
import { sample, type Sampled } from "../sampling.ts";

/** What a bench of servers compares. */
interface Comparison {
  readonly title: string;
  /** What is asked of each. */
  readonly contenders: Readonly<Partial<Record<ServerName, LoadQuestion["form"]>>>;
  readonly claims: readonly Claim[];
}

/** Measures servers, each in a process, the load in another. */
export function comparing({ title, contenders, claims }: Comparison): Measure {
  return async (plan) => {
    await using children = childProcesses();
    const load = children.start<LoadQuestion, LoadAnswer>(new URL("./load.js", import.meta.url));

    function served(name: ServerName, form: LoadQuestion["form"]): Sampled {
      const server = children.start<ServeQuestion, number>(new URL("./serve.js", import.meta.url), name);
      return async (ms) => {
        const port = await server.ask("port");
        const before = await server.ask("cpu");
        const { requests, tookMs } = await load.ask({ port, ms, form });
        return { requests, tookMs, cpuUs: (await server.ask("cpu")) - before };
      };
    }

    const asked = Object.entries(contenders) as [ServerName, LoadQuestion["form"]][];
    const { time, cpu } = await sample(
      Object.fromEntries(asked.map(([name, form]) => [name, served(name, form)])),
      plan,
    );
    const what = `${title} over ${inFlight} connections`;
    return [
      { title: `${what}: time a request`, costs: time, claims },
      { title: `${what}: the server's CPU time a request`, costs: cpu, claims },
    ];
  };
}
