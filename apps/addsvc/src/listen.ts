import { createServer, type Server } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import type { HttpHandler } from "@kit/transport-http";
import { UsageError } from "./flags.ts";

/** A server that listens, and where. */
export interface Listening {
  readonly server: Server;
  readonly address: string;
}

/** Listens, or says what to do about it. */
export async function listen(flag: string, handler: HttpHandler, host: string, port: number): Promise<Listening> {
  const server = createServer(handler);
  return { server, address: await listenOn(server, flag, host, port) };
}

/** The same for a server of any kind. @returns its address. */
export function listenOn(server: NetServer, flag: string, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = { EADDRINUSE: "is in use", EACCES: "needs more rights" };
      const known = why[error.code ?? ""];
      reject(known ? new UsageError(`port ${port} ${known}: choose another with --${flag}`) : error);
    });
    server.listen(port, host, () => resolve(`${host}:${(server.address() as AddressInfo).port}`));
  });
}
