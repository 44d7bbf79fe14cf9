// A program: serves one contender on a free port of the loopback.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { answer } from "../child.ts";
import { cpuUs } from "../cpu-time.ts";
import { type ServerName, servers } from "./servers.ts";

/** Which port it listens on; how much CPU time it has used, in µs. */
export type ServeQuestion = "port" | "cpu";

const listening = listen(process.argv[2] as ServerName);

async function listen(name: ServerName): Promise<number> {
  const { makeServer } = await servers[name]();
  const server = (await makeServer()).listen(0, "127.0.0.1");
  // A connection waits until all others have had their turn.
  server.keepAliveTimeout = 0;
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

answer((question: ServeQuestion) => (question === "port" ? listening : cpuUs()));
