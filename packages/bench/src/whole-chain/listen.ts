import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Has a server listen on a free port of the loopback. @returns `host:port`. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  // A connection waits until all others have had their turn.
  server.keepAliveTimeout = 0;
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
