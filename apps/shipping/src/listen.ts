import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Address, UsageError } from "./flags.ts";

/** A server that listens, and where. */
export interface Listening {
  readonly server: Server;
  readonly address: string;
}

/** Listens, or says what to do about it. */
export function listen({ flag, host, port }: Address, listener: RequestListener): Promise<Listening> {
  const server = createServer(listener);
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = { EADDRINUSE: "is in use", EACCES: "needs more rights" };
      const known = why[error.code ?? ""];
      reject(known ? new UsageError(`port ${port} ${known}: choose another with --${flag}`) : error);
    });
    server.listen(port, host, () => resolve({ server, address: `${host}:${(server.address() as AddressInfo).port}` }));
  });
}
