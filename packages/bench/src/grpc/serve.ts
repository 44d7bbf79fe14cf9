// A program: serves one contender on a free port of the loopback.
import { answer } from "../child.ts";
import { cpuUs } from "../cpu-time.ts";
import { type ServerName, servers } from "./servers.ts";

/** Which port it listens on; how much CPU time it has used, in µs. */
export type ServeQuestion = "port" | "cpu";

const listening = listen(process.argv[2] as ServerName);

async function listen(name: ServerName): Promise<number> {
  const module = await servers[name]();
  return module.listen();
}

answer((question: ServeQuestion) => (question === "port" ? listening : cpuUs()));
