// A program: one contender's server, or its client and the load.
import { once } from "node:events";
import { answer } from "../child.ts";
import { cpuUs } from "../cpu-time.ts";
import { inFlight } from "../http/sum.ts";
import { type ContenderName, contenders, portOf } from "./contenders.ts";

/** Where the server listens, starting it; how much CPU time has been used, in µs; or what the client is to do. */
export type RunQuestion = "port" | "cpu" | { readonly port: number; readonly ms: number };

export interface RunAnswer {
  readonly requests: number;
  readonly tookMs: number;
}

const contender = contenders[process.argv[2] as ContenderName];

async function listen(): Promise<number> {
  const server = contender.listen().listen(0, "127.0.0.1");
  await once(server, "listening");
  return portOf(server);
}

let calling: Promise<() => Promise<unknown>> | undefined;

async function load(port: number, ms: number): Promise<RunAnswer> {
  const call = await (calling ??= contender.connect(port));
  const start = performance.now();
  let requests = 0;
  const caller = async (): Promise<void> => {
    do {
      await call();
      requests += 1;
    } while (performance.now() < start + ms);
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return { requests, tookMs: performance.now() - start };
}

answer((question: RunQuestion) => {
  if (question === "port") return listen();
  return question === "cpu" ? cpuUs() : load(question.port, question.ms);
});
