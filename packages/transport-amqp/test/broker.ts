import { rabbitmq, type Server, startServer } from "@kit/servers";
import { afterAll, beforeAll, onTestFinished, vi } from "vitest";
import { amqpConnection, type AmqpConnection, type AmqpConnectionOptions } from "../src/index.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 150_000 });

/** One broker for all tests of a file: a start takes 7 to 15 s. */
export function sharedBroker(): { readonly server: Server; readonly url: string } {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(rabbitmq);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return {
    get server() {
      return server;
    },
    get url() {
      return server.url;
    },
  };
}

/** A connection until the test is over. */
export function connection(url: string, options: Partial<AmqpConnectionOptions> = {}): AmqpConnection {
  const made = amqpConnection({ url, maxBackoffMs: 300, ...options } as AmqpConnectionOptions);
  onTestFinished(() => made.close());
  return made;
}

let queues = 0;

/** A queue of this test alone. */
export function freshQueue(): string {
  return `test-${process.pid}-${++queues}`;
}

/** Goes away with its last consumer, so that tests leave nothing on a broker that is not their own. */
export const passing = { autoDelete: true, durable: true } as const;
