import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createClient } from "node-zookeeper-client";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let services = 0;

/** A node that no other test has. */
export const newPath = (): string => `/services/addsvc-${process.pid}-${++services}`;

/** Registers an instance in a process of its own. */
export const registrarScript: URL = new URL("registrar.fixture.mjs", import.meta.url);

/** The driver as its authors made it, to do by hand what others may do. */
export async function stranger(servers: string): Promise<Stranger> {
  const client = createClient(servers, { sessionTimeout: 60_000 });
  client.connect();
  await once(client, "connected");
  type Done = (error: object | null, result?: unknown) => void;
  const ask = <Result>(question: (done: Done) => void): Promise<Result> =>
    new Promise((resolve, reject) => {
      question((error, result) => {
        if (error) reject(error);
        else resolve(result as Result);
      });
    });
  return {
    make: (path, data = "") => ask((done) => client.create(path, Buffer.from(data), done)),
    makePath: (path) => ask((done) => client.mkdirp(path, done)),
    write: (path, data) => ask((done) => client.setData(path, Buffer.from(data), done)),
    read: async (path) => String(await ask<Buffer>((done) => client.getData(path, done))),
    children: (path) => ask((done) => client.getChildren(path, done)),
    remove: (path) => ask((done) => client.remove(path, done)),
    async [Symbol.asyncDispose]() {
      client.close();
      await once(client, "disconnected");
    },
  };
}

export interface Stranger extends AsyncDisposable {
  make(path: string, data?: string): Promise<unknown>;
  makePath(path: string): Promise<unknown>;
  write(path: string, data: string): Promise<unknown>;
  read(path: string): Promise<string>;
  children(path: string): Promise<string[]>;
  remove(path: string): Promise<unknown>;
}

/** A network between a client and a server that loses answers, or has some of its own. */
export interface Meddler extends AsyncDisposable {
  readonly servers: string;
  /** From now on requests get through and answers do not. */
  loseAnswers(): void;
  /** Answers get through again, on new connections; the others are reset. */
  heal(): void;
  /** Has the next answer be an error of this number. */
  spoil(error: number): void;
  /** Puts it among what the server sends. */
  say(bytes: Buffer): void;
}

export async function meddler(port: number): Promise<Meddler> {
  const clients = new Set<Socket>();
  let lossy = false;
  let spoiled: number | undefined;
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    clients.add(client);
    client.pipe(upstream);
    upstream.on("data", (bytes: Buffer) => {
      // Neither a ping's answer nor an event.
      if (spoiled !== undefined && bytes.readInt32BE(4) >= 0) {
        bytes.writeInt32BE(spoiled, 16);
        spoiled = undefined;
      }
      if (!lossy) client.write(bytes);
    });
    client.on("error", () => {}).on("close", () => void (clients.delete(client), upstream.destroy()));
    upstream.on("error", () => {}).on("close", () => client.destroy());
  });
  const reset = (): void => {
    for (const client of clients) client.resetAndDestroy();
  };
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    servers: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseAnswers: () => void (lossy = true),
    heal() {
      lossy = false;
      reset();
    },
    spoil: (error) => void (spoiled = error),
    say(bytes) {
      for (const client of clients) client.write(bytes);
    },
    async [Symbol.asyncDispose]() {
      reset();
      server.close();
      await once(server, "close");
    },
  };
}
