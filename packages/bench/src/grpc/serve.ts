// A program: serves one contender on a free port of the loopback.
import { ServerCredentials } from "@grpc/grpc-js";
import { answer } from "../child.ts";
import { type ServerName, servers } from "./servers.ts";

/** Which port it listens on; how much CPU time it has used, in µs. */
export type ServeQuestion = "port" | "cpu";

const bound = new Promise<number>((resolve, reject) => {
  const server = servers[process.argv[2] as ServerName]();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
});

answer((question: ServeQuestion) => {
  if (question === "port") return bound;
  const { user, system } = process.cpuUsage();
  return user + system;
});
