import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { httprpHandler, type HttprpHandlerOptions } from "../src/index.ts";

/** Serves on a free port of the loopback until the test is over. */
export async function serving(listener: RequestListener, server: Server = createServer()): Promise<string> {
  server.on("request", listener).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy until the test is over. */
export async function proxying(options: HttprpHandlerOptions): Promise<string> {
  const handler = httprpHandler(options);
  onTestFinished(() => handler.close());
  const server = createServer();
  server.on("upgrade", handler.upgrade);
  return serving(handler, server);
}

/** A server that says what it likes, until the test is over. */
export async function lying(talk: (socket: Socket) => void): Promise<string> {
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
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
