import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpHandler } from "@kit/transport-http";
import { UsageError } from "./flags.ts";

/** A server that listens, and where. */
export interface Listening {
  readonly server: Server;
  readonly address: string;
}

/** Listens, or says what to do about it. */
export function listen(flag: string, handler: HttpHandler, host: string, port: number): Promise<Listening> {
  const server = createServer(handler);
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = { EADDRINUSE: "is in use", EACCES: "needs more rights" };
      const known = why[error.code ?? ""];
      reject(known ? new UsageError(`port ${port} ${known}: choose another with --${flag}`) : error);
    });
    server.listen(port, host, () => resolve({ server, address: `${host}:${(server.address() as AddressInfo).port}` }));
  });
}
