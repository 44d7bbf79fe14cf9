import { nats, type Server, startServer, whenInstalled } from "@kit/servers";
import {
  connectNats,
  decodePlainReply,
  encodeErrorPlain,
  natsClient,
  natsHandler,
  serveNats,
} from "@kit/transport-nats";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll } from "vitest";
import { interoperatesByEndpoint } from "./by-endpoint.ts";
import { Interop } from "./contract.ts";
import { gokit } from "./gokit.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { interoperates } from "./interoperates.ts";

whenInstalled(gokit(), () => {
  whenInstalled(nats, () => {
    let broker: Server;
    let connection: NatsConnection;
    beforeAll(async () => {
      broker = await startServer(nats);
      connection = await connect({ servers: broker.url });
    });
    afterAll(async () => {
      await connection?.close();
      await broker?.[Symbol.asyncDispose]();
    });

    interoperates({
      transport: "nats",
      serverFlags: () => ["-nats", broker.url],
      connect: () => connectNats(Interop, { connection, before: [writeIdentity], decode: decodePlainReply }),
      async serve(endpoints) {
        const server = serveNats(Interop, endpoints, {
          connection,
          before: [readIdentity],
          errorEncoder: encodeErrorPlain,
        });
        await server.ready();
        return { address: broker.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
      },
      coded: () => new Error("no such thing"),
      ourErrors: {
        plain: { code: "unknown", message: "out of order" },
        coded: { code: "unknown", message: "no such thing" },
      },
      goErrors: { plain: [0, "out of order"], coded: [0, "no such thing"] },
      goEnds: "its subscriber begins each call with a context that nothing ends",
      oursEnds: "go-kit's publisher sends no deadline and tells nobody that it has given up",
      identity: "go-kit's NATS transport has no headers",
    });

    interoperatesByEndpoint({
      transport: "nats",
      serverFlags: () => ["-nats", broker.url],
      client: (operation) => natsClient({ connection, subject: `interop.${operation}`, decode: decodePlainReply }),
      async handle(operation, endpoint, before) {
        const subject = `interop.${operation}`;
        const server = natsHandler(endpoint, { connection, subject, before: [before], errorEncoder: encodeErrorPlain });
        await server.ready();
        return { address: broker.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
      },
    });
  });
});
