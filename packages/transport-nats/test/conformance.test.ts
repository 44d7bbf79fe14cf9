import { testTransport, type TransportSubject } from "@kit/conformance/transport";
import { defineService } from "@kit/service";
import { nats, type Server, startServer, whenInstalled } from "@kit/servers";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll } from "vitest";
import { z } from "zod";
import { connectNats, serveNats } from "../src/index.ts";
import { newSubject } from "./broker.ts";

const any = { request: z.any(), response: z.any() };
const Suite = defineService("suite", {
  echo: any,
  add: { request: z.object({ a: z.number(), b: z.number() }), response: z.object({ sum: z.number() }) },
  fail: any,
  unknownError: any,
  slow: any,
  carried: any,
  callInfo: any,
});

whenInstalled(nats, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(nats);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const subject: TransportSubject = {
    async serve(methods) {
      const options = { servers: server.url };
      const [ours, theirs] = await Promise.all([connect(options), connect(options)]);
      const prefix = newSubject();
      const served = serveNats(Suite, methods, { connection: ours, prefix });
      await served.ready();
      const client = connectNats(Suite, { connection: theirs, prefix });
      return {
        // A connection of its own goes with it: what keeps a process alive is seen so.
        client: Object.assign(client, {
          [Symbol.asyncDispose]: async () => {
            await Object.getPrototypeOf(client)[Symbol.asyncDispose]();
            await theirs.close();
          },
        }),
        async close() {
          await served.close({ timeoutMs: 1 });
          await ours.close();
        },
      };
    },
  };

  testTransport({
    setup: async () => ({ subject }),
    supports: {
      codes: true,
      details: true,
      retryAfterMs: true,
      deadline: true,
      cancellation: true,
      carriedValues: true,
      outOfOrder: true,
    },
  });
});
