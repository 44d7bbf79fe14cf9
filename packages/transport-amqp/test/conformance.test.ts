import { testTransport, type TransportCapability, type TransportSubject } from "@kit/conformance/transport";
import { rabbitmq, whenInstalled } from "@kit/servers";
import { defineService } from "@kit/service";
import { describe } from "vitest";
import { z } from "zod";
import { amqpConnection, connectAmqp, type ConnectAmqpOptions, serveAmqp } from "../src/index.ts";
import { freshQueue, passing, sharedBroker } from "./broker.ts";

const any = { request: z.any(), response: z.any() };
const Suite = defineService("suite", {
  echo: any,
  add: any,
  fail: any,
  unknownError: any,
  slow: any,
  carried: any,
  callInfo: any,
});

const supports: Record<TransportCapability, true> = {
  codes: true,
  details: true,
  retryAfterMs: true,
  deadline: true,
  cancellation: true,
  carriedValues: true,
  outOfOrder: true,
};

whenInstalled(rabbitmq, () => {
  const broker = sharedBroker();

  /** Each side with a connection of its own, as two processes would have. */
  function subjectOf(options: Partial<ConnectAmqpOptions>): TransportSubject {
    return {
      async serve(methods) {
        const [server, client] = [amqpConnection({ url: broker.url }), amqpConnection({ url: broker.url })];
        const name = freshQueue();
        const queueOf = (method: string): string => `${name}.${method}`;
        // What the suite has in hand at once is more than a server should take from others.
        const served = serveAmqp(Suite, methods, {
          connection: server,
          queueOf,
          queueOptions: passing,
          prefetch: 1_000,
        });
        await served.ready();
        const connected = connectAmqp(Suite, { connection: client, queueOf, ...options });
        const dispose = async (): Promise<void> => {
          await connected[Symbol.asyncDispose]();
          await client.close();
        };
        const close = async (): Promise<void> => {
          await served.close({ timeoutMs: 1 });
          await server.close();
        };
        return { client: Object.assign(Object.create(connected), { [Symbol.asyncDispose]: dispose }), close };
      },
    };
  }

  describe.each<[string, Partial<ConnectAmqpOptions>]>([
    ["direct reply-to", {}],
    ["a reply queue", { replyQueue: true }],
    ["confirms", { confirm: true }],
  ])("with %s", (_, options) => {
    testTransport({ setup: async () => ({ subject: subjectOf(options) }), supports });
  });
});
