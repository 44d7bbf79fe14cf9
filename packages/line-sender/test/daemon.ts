import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type ListenOptions, type Socket } from "node:net";
import { vi } from "vitest";
import { type LineSender, lineSender, type LineSenderOptions } from "../src/index.ts";

/** A UDP daemon that keeps what it gets. */
export async function udpDaemon(port = 0) {
  const socket = createSocket({ type: "udp4", recvBufferSize: 1_000_000 });
  const datagrams: string[] = [];
  socket.on("message", (message) => datagrams.push(message.toString()));
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, datagrams, [Symbol.dispose]: () => void socket.close() };
}

/** A TCP daemon that keeps what it gets and can be ended. */
export function tcpDaemon(port = 0, onConnection?: (socket: Socket) => void) {
  return streamDaemon({ port, host: "127.0.0.1" }, onConnection);
}

export async function streamDaemon(place: ListenOptions, onConnection: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>();
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(place);
  await once(server, "listening");
  const end = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    end,
    text: () => Buffer.concat(chunks).toString(),
    async [Symbol.asyncDispose]() {
      if (server.listening) await end();
    },
  };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  await using daemon = await tcpDaemon();
  return daemon.port;
}

/** A sender and all that it tells; `put` sends a line at the end of this turn. */
export function senderTo(options: LineSenderOptions) {
  const told = { errors: [] as NodeJS.ErrnoException[], full: [] as number[], lost: 0, left: 0 };
  const sender: LineSender = lineSender("test", {
    onError: (error) => told.errors.push(error),
    onFull: (waiting) => told.full.push(waiting),
    onLost: (lines) => void (told.lost += lines),
    onLeft: (lines) => void (told.left += lines),
    ...options,
  });
  const put = (line: string): boolean => {
    const taken = sender.send(line);
    sender.flush();
    return taken;
  };
  return { sender, told, put };
}

export const eventually = (isSo: () => boolean): Promise<true> => vi.waitUntil(isSo, { timeout: 50_000, interval: 5 });
