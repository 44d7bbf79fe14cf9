import { createServer, type RequestListener, type Server } from "node:http";
import { type Context, ServiceBroker } from "moleculer";
import ApiGateway from "moleculer-web";
import { path, type SumRequest } from "../sum.ts";

const int = { type: "number", integer: true };

/** moleculer-web in front of an action of the same process. */
export async function makeServer(): Promise<Server> {
  const broker = new ServiceBroker({ logger: false });
  broker.createService({
    name: "add",
    actions: {
      sum: {
        params: { a: int, b: int },
        handler: ({ params: { a, b } }: Context<SumRequest>) => ({ v: a + b }),
      },
    },
  });
  const gateway = broker.createService({
    name: "api",
    mixins: [ApiGateway],
    settings: {
      server: false,
      path: "/",
      routes: [{ path: "/", aliases: { [`POST ${path}`]: "add.sum" }, bodyParsers: { json: true } }],
    },
  });
  await broker.start();
  return createServer((gateway as unknown as { express(): RequestListener }).express());
}
