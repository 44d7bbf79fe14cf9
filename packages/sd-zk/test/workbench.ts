import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "node-zookeeper-client";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let services = 0;

/** A node that no other test has. */
export const newPath = (): string => `/services/addsvc-${process.pid}-${++services}`;

/** The driver as its authors made it, to do by hand what others may do. */
export async function stranger(servers: string): Promise<Stranger> {
  const client = createClient(servers, { sessionTimeout: 60_000 });
  client.connect();
  await once(client, "connected");
  const done =
    (resolve: (value: never) => void, reject: (error: unknown) => void) =>
    (error: unknown, value?: unknown): void =>
      error ? reject(error) : resolve(value as never);
  return {
    client,
    make: (path, data = "") =>
      new Promise((resolve, reject) => void client.create(path, Buffer.from(data), done(resolve, reject))),
    makePath: (path) => new Promise((resolve, reject) => void client.mkdirp(path, done(resolve, reject))),
    write: (path, data) =>
      new Promise((resolve, reject) => void client.setData(path, Buffer.from(data), done(resolve, reject))),
    read: async (path) =>
      String(await new Promise<Buffer>((resolve, reject) => void client.getData(path, done(resolve, reject)))),
    children: (path) => new Promise((resolve, reject) => void client.getChildren(path, done(resolve, reject))),
    remove: (path) => new Promise((resolve, reject) => void client.remove(path, done(resolve, reject))),
    async [Symbol.asyncDispose]() {
      client.close();
      await once(client, "disconnected");
    },
  };
}

export interface Stranger extends AsyncDisposable {
  readonly client: Client;
  make(path: string, data?: string): Promise<unknown>;
  makePath(path: string): Promise<unknown>;
  write(path: string, data: string): Promise<unknown>;
  read(path: string): Promise<string>;
  children(path: string): Promise<string[]>;
  remove(path: string): Promise<unknown>;
}

/** A process that has registered an instance and lives until it is killed. */
export async function registeredProcess(options: object): Promise<AsyncDisposable & { kill(): Promise<void> }> {
  const script = fileURLToPath(new URL("registrar.fixture.mjs", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await Promise.race([
    once(child.stdout!, "data"),
    exited.then(([code]) => Promise.reject(new Error(`the process ended with ${String(code)}`))),
  ]);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return { kill, [Symbol.asyncDispose]: kill };
}
