import { rabbitmq, type Server, startServer, whenInstalled } from "@kit/servers";
import {
  amqpClient,
  amqpConnection,
  type AmqpConnection,
  amqpHandler,
  connectAmqp,
  decodePlainReply,
  encodeErrorPlain,
  serveAmqp,
} from "@kit/transport-amqp";
import { afterAll, beforeAll } from "vitest";
import { interoperatesByEndpoint } from "./by-endpoint.ts";
import { Interop } from "./contract.ts";
import { gokit } from "./gokit.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { interoperates } from "./interoperates.ts";

whenInstalled(gokit(), () => {
  whenInstalled(rabbitmq, () => {
    let broker: Server;
    let connection: AmqpConnection;
    beforeAll(async () => {
      broker = await startServer(rabbitmq);
      connection = amqpConnection({ url: broker.url });
    }, 150_000);
    afterAll(async () => {
      await connection?.close();
      await broker?.[Symbol.asyncDispose]();
    });

    /** As go-kit's users declare them. */
    const queueOptions = { durable: false };

    interoperates({
      transport: "amqp",
      serverFlags: () => ["-amqp", broker.url],
      connect: () => connectAmqp(Interop, { connection, before: [writeIdentity], decode: decodePlainReply }),
      async serve(endpoints) {
        const server = serveAmqp(Interop, endpoints, {
          connection,
          queueOptions,
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
      identity: "go-kit has no function that would write them to AMQP's headers or read them there",
    });

    interoperatesByEndpoint({
      transport: "amqp",
      serverFlags: () => ["-amqp", broker.url],
      client: (operation) => amqpClient({ connection, queue: `interop.${operation}`, decode: decodePlainReply }),
      async handle(operation, endpoint, before) {
        const server = amqpHandler(endpoint, {
          connection,
          queue: `interop.${operation}`,
          queueOptions,
          before: [before],
          errorEncoder: encodeErrorPlain,
        });
        await server.ready();
        return { address: broker.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
      },
    });
  });
});
