import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Server } from "@kit/servers";
import { vi } from "vitest";

/** A UDP daemon that keeps what it gets. */
export async function udpDaemon(port = 0) {
  const socket = createSocket({ type: "udp4", recvBufferSize: 1_000_000 });
  const messages: string[] = [];
  socket.on("message", (message) => messages.push(message.toString()));
  socket.bind(port, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, messages, [Symbol.dispose]: () => void socket.close() };
}

/** A TCP daemon that keeps what it gets and can be ended. */
export async function tcpDaemon(port = 0, onConnection: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>();
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(port, "127.0.0.1");
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
    /** What came, by the counts of octets in front. */
    messages: () => counted(Buffer.concat(chunks)),
    async [Symbol.asyncDispose]() {
      if (server.listening) await end();
    },
  };
}

function counted(bytes: Buffer): readonly string[] {
  const messages: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(" ", at);
    const start = blank + 1;
    const end = start + Number(bytes.toString("latin1", at, blank));
    if (blank === -1 || end > bytes.length) break;
    messages.push(bytes.toString("utf8", start, end));
    at = end;
  }
  return messages;
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  await using daemon = await tcpDaemon();
  return daemon.port;
}

/** A message as rsyslog has understood it. */
export type Line = Readonly<
  Record<
    | "facility"
    | "severity"
    | "version"
    | "time"
    | "hostname"
    | "appName"
    | "procId"
    | "msgId"
    | "data"
    | "msg"
    | "raw"
    | "input",
    string
  >
>;

/** What rsyslog has written for the app so far; a line that is not whole yet is left out. */
export async function linesOf({ place }: Server, appName: string): Promise<readonly Line[]> {
  const text = await readFile(join(place.directory, "logs", appName), "utf8").catch(() => "");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** Reads until rsyslog has written what is looked for. */
export async function linesWith(
  server: Server,
  appName: string,
  isThere: (lines: readonly Line[]) => boolean,
): Promise<readonly Line[]> {
  return vi.waitUntil(
    async () => {
      const lines = await linesOf(server, appName);
      return isThere(lines) && lines;
    },
    { timeout: 60_000, interval: 20 },
  );
}
