import { once } from "node:events";
import { consul, etcd, eureka, nats, rabbitmq, startServer, whenInstalled, zookeeper } from "@kit/servers";
import { expect, test } from "vitest";
import { all, start } from "../program.ts";

for (const [name, kind] of Object.entries({ consul, etcd, eureka, zk: zookeeper })) {
  whenInstalled(kind, () => {
    test(`plays its round on ${kind.name}`, async () => {
      await using server = await startServer(kind);
      const path = kind === eureka ? "/eureka" : "";
      const { child, lines, errors } = start("--once", `--registry=${name}`, `--registry-addr=${server.url}${path}`);
      const exit = once(child, "exit");
      expect(await all(lines), await errors).toContain("Everything came out right.");
      expect((await exit)[0]).toBe(0);
    }, 180_000);
  });
}

whenInstalled(nats, () => {
  whenInstalled(rabbitmq, () => {
    test("plays its round over NATS and RabbitMQ as well", async () => {
      await using natsServer = await startServer(nats);
      await using broker = await startServer(rabbitmq);
      const { child, lines, errors } = start("--once", `--nats-url=${natsServer.url}`, `--amqp-url=${broker.url}`);
      const exit = once(child, "exit");
      const account = await all(lines);
      expect(account, await errors).toContain("the same over http, grpc, thrift, jsonrpc, nats, amqp");
      expect(account).toContain("Everything came out right.");
      expect((await exit)[0]).toBe(0);
    }, 180_000);
  });
});
