import { background } from "@kit/endpoint";
import { etcd, type Server, startServer, tcpProxy, whenStartable } from "@kit/servers";
import { firstInstances } from "@kit/sd";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { etcdInstancer, etcdRegistrar } from "../src/index.ts";
import { clientOf, newPrefix } from "./workbench.ts";

const patience = { interval: 20, timeout: 30_000 };
const soon = (): ReturnType<typeof background.withTimeout> => background.withTimeout(10_000);

whenStartable(etcd, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(etcd);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("TestRegister, TestDeregister: keeps a key that go-kit reads, and takes it away", async () => {
    using client = disposable(clientOf(server.url));
    const prefix = newPrefix();
    const registrar = etcdRegistrar({ client, prefix, instance: { address: "10.0.0.1:8080" } });
    await registrar.register();
    expect(await client.getAll().prefix(prefix).strings()).toEqual({ [`${prefix}/10.0.0.1:8080`]: "10.0.0.1:8080" });
    await registrar.close();
    expect(await client.getAll().prefix(prefix).strings()).toEqual({});
    expect((await client.leaseClient.leaseLeases()).leases).toEqual([]);
  });

  it("reads what go-kit writes, and not what only begins like it", async () => {
    using client = disposable(clientOf(server.url));
    const prefix = newPrefix();
    await client.put(`${prefix}/a`).value("http://10.0.0.1:8080");
    await client.put(`${prefix}more/b`).value("10.0.0.2:8080");
    await using instancer = etcdInstancer({ client, prefix });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "http://10.0.0.1:8080" }]);
  });

  it("ignores values that are no instances, and tells of them", async () => {
    using client = disposable(clientOf(server.url));
    const prefix = newPrefix();
    for (const [n, bad] of ["", "{", "x".repeat(70_000)].entries()) {
      await client.put(`${prefix}/${n}`).value(bad);
    }
    await client.put(`${prefix}/good`).value("a:1");
    const errors: string[] = [];
    await using instancer = etcdInstancer({ client, prefix, onError: ({ message }) => void errors.push(message) });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1" }]);
    expect(errors).toHaveLength(3);
  });

  it("stays in the client's namespace", async () => {
    using client = disposable(clientOf(server.url));
    const prefix = newPrefix();
    await using registrar = etcdRegistrar({ client: client.namespace("team/"), prefix, instance: { address: "a:1" } });
    await registrar.register();
    expect(await client.getAll().prefix(`team/${prefix}`).keys()).toHaveLength(1);
    await using instancer = etcdInstancer({ client: client.namespace("team/"), prefix });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1" }]);
  });

  it("writes its key again when somebody has deleted it", async () => {
    using client = disposable(clientOf(server.url));
    const prefix = newPrefix();
    await using registrar = etcdRegistrar({ client, prefix, instance: { address: "a:1" }, ttlMs: 1_000 });
    await registrar.register();
    await client.delete().prefix(prefix);
    await vi.waitUntil(async () => (await client.getAll().prefix(prefix).keys()).length === 1, patience);
    expect(await client.getAll().prefix(prefix).keys()).toEqual([`${prefix}/a:1`]);
  });

  it("lists anew when the history that it needs is gone", async () => {
    using client = disposable(clientOf(server.url));
    const prefix = newPrefix();
    await using proxy = await tcpProxy(server.port);
    using watching = disposable(clientOf(`http://127.0.0.1:${proxy.port}`));
    await client.put(`${prefix}/a`).value("a:1");
    await using instancer = etcdInstancer({ client: watching, prefix });
    let last: readonly string[] = [];
    instancer.subscribe(({ instances }) => {
      last = instances?.map(({ address }) => address) ?? last;
    });
    await vi.waitUntil(() => last.length === 1, patience);
    proxy.cut();
    const { header } = await client.put(`${prefix}/b`).value("b:1");
    await client.delete().key(`${prefix}/a`);
    await client.kv.compact({ revision: String(BigInt(header.revision) + 1n), physical: true });
    proxy.heal();
    await vi.waitUntil(() => String(last) === "b:1", patience);
    expect(last).toEqual(["b:1"]);
  });

  it.each([
    [{ client: {} }, "client must be"],
    [{ prefix: "" }, "prefix must be"],
    [{ ttlMs: 10 }, "ttlMs must be"],
    [{ key: "" }, "key must be"],
  ])("refuses %j", (wrong, message) => {
    using client = disposable(clientOf(server.url));
    const options = { client, prefix: "a", instance: { address: "a:1" }, ...wrong } as never;
    expect(() => etcdRegistrar(options)).toThrow(`etcdRegistrar: ${message}`);
  });

  it.each(["pingMs", "timeoutMs"])("refuses a wrong %s", (option) => {
    using client = disposable(clientOf(server.url));
    expect(() => etcdInstancer({ client, prefix: "a", [option]: 0 })).toThrow(`etcdInstancer: ${option} must be`);
  });
});

function disposable<Client extends { close(): void }>(client: Client): Client & Disposable {
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}
