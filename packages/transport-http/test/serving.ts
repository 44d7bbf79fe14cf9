import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Serving {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
}

/** Serves on a free port of the loopback until the test is over. */
export async function serving(listener: RequestListener, options: ServerOptions = {}): Promise<Serving> {
  const server = createServer(options, listener).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const port = portOf(server);
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/** A server that says what it likes, until the test is over. */
export async function lying(talk: (socket: Socket) => void): Promise<{ readonly port: number; readonly url: string }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    talk(socket);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, "listening");
  const port = portOf(server);
  return { port, url: `http://127.0.0.1:${port}` };
}

export function portOf(server: { address(): string | AddressInfo | null }): number {
  return (server.address() as AddressInfo).port;
}
