import { nats, type Server, type ServerKind, startServer } from "@kit/servers";
import { connect, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, onTestFinished, vi } from "vitest";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** For what comes by itself, however busy the machine is. */
export const patience = { interval: 10, timeout: 30_000 };

/** A connection that goes with the test. */
export async function connected(url: string, options: NodeConnectionOptions = {}): Promise<NatsConnection> {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

/** A server for all tests of a file, and connections to it. */
export function shared(kind: ServerKind = nats): (options?: NodeConnectionOptions) => Promise<NatsConnection> {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(kind);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  return (options) => connected(server.url, options);
}

/** A server that obeys this configuration besides. */
export function configured(text: string): ServerKind {
  return {
    ...nats,
    prepare: ({ directory }) => writeFile(join(directory, "nats.conf"), text),
    command(place) {
      const { file, args } = nats.command(place);
      return { file, args: [...args, "--config", join(place.directory, "nats.conf")] };
    },
  };
}

/** A server of the test's own, to be hurt. */
export async function own(kind: ServerKind = nats): Promise<Server> {
  const server = await startServer(kind);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

let subjects = 0;

/** A subject that no other test has. */
export const newSubject = (): string => `test-${process.pid}.${++subjects}`;

/** A promise and what resolves it. */
export function latch<T = void>(): { readonly promise: Promise<T>; readonly open: (value: T) => void } {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (open = resolve));
  return { promise, open };
}
