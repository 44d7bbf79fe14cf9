import type { Claim, Measure } from "../bench.ts";
import { type Asked, childProcesses } from "../child.ts";
import { type GoServer, goPrograms } from "../go/programs.ts";
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
  /** Those in Go, by the name that the table has for each; asked as `http`. */
  readonly inGo?: Readonly<Record<string, GoServer>>;
  readonly claims: readonly Claim[];
}

/** Measures servers, each in a process, the load in another. */
export function comparing({ title, contenders, inGo, claims }: Comparison): Measure {
  return async (plan) => {
    await using children = childProcesses();
    await using go = inGo && goPrograms();
    const load = children.start<LoadQuestion, LoadAnswer>(new URL("./load.js", import.meta.url));

    const started = (name: ServerName) =>
      children.start<ServeQuestion, number>(new URL("./serve.js", import.meta.url), name);

    function served(server: Asked<ServeQuestion, number>, form: LoadQuestion["form"]): Sampled {
      return async (ms) => {
        const port = await server.ask("port");
        const before = await server.ask("cpu");
        const { requests, tookMs } = await load.ask({ port, ms, form });
        return { requests, tookMs, cpuUs: (await server.ask("cpu")) - before };
      };
    }

    const asked = Object.entries(contenders) as [ServerName, LoadQuestion["form"]][];
    const all: Record<string, Sampled> = {};
    for (const [name, form] of asked) all[name] = served(started(name), form);
    for (const [name, server] of Object.entries((inGo && go?.servers(inGo)) ?? {})) all[name] = served(server, "http");
    const { time, cpu } = await sample(all, plan);
    const what = `${title} over ${inFlight} connections`;
    return [
      { title: `${what}: time a request`, costs: time, claims },
      { title: `${what}: the server's CPU time a request`, costs: cpu, claims },
    ];
  };
}
