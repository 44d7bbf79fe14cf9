import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { ThriftHandler } from "../src/index.ts";

export interface Serving {
  readonly server: Server;
  readonly port: number;
  readonly address: string;
}

/** Listens on a free port of the loopback. */
export async function listening(server: Server): Promise<Serving> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, port, address: `127.0.0.1:${port}` };
}

/** Serves until the test is over. */
export async function serving(handler: ThriftHandler): Promise<Serving> {
  const server = createServer(handler);
  onTestFinished(async () => {
    server.close();
    await handler.close({ timeoutMs: 1 });
  });
  return listening(server);
}

/** A server that says what it likes, until the test is over. */
export async function lying(talk: (socket: Socket) => void): Promise<Serving> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    talk(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return listening(server);
}
