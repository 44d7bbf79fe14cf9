import { background, codeOf } from "@kit/endpoint";
import { etcd, type Server, startServer, tcpProxy, whenStartable } from "@kit/servers";
import { firstInstances } from "@kit/sd";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { etcdInstancer, etcdRegistrar } from "../src/index.ts";
import { clientOf, newPrefix, registeredProcess } from "./workbench.ts";

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
    for (const [n, bad] of ["", "{", "{}", '{"address":1}', "x".repeat(70_000)].entries()) {
      await client.put(`${prefix}/${n}`).value(bad);
    }
    await client.put(`${prefix}/good`).value("a:1");
    const errors: string[] = [];
    await using instancer = etcdInstancer({ client, prefix, onError: ({ message }) => void errors.push(message) });
    expect(await firstInstances(instancer, soon())).toEqual([{ address: "a:1" }]);
    expect(errors).toHaveLength(5);
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

  it("follows a hundred changes a second to the last", async () => {
    using client = disposable(clientOf(server.url));
    const prefix = newPrefix();
    await using instancer = etcdInstancer({ client, prefix });
    let last: readonly string[] = [];
    instancer.subscribe(({ instances }) => {
      last = instances?.map(({ address }) => address) ?? last;
    });
    const keys = Array.from({ length: 100 }, (_, n) => `127.0.0.1:${20_000 + n}`);
    await Promise.all(keys.map((key) => client.put(`${prefix}/${key}`).value(key)));
    await Promise.all(keys.slice(0, 50).map((key) => client.delete().key(`${prefix}/${key}`)));
    await vi.waitUntil(() => last.length === 50, patience);
    expect(last).toEqual(keys.slice(50));
  });

  it("finds out that the network is cut, keeps its list and recovers", async () => {
    await using proxy = await tcpProxy(server.port);
    using client = disposable(clientOf(server.url));
    using cut = disposable(clientOf(`http://127.0.0.1:${proxy.port}`));
    const prefix = newPrefix();
    await client.put(`${prefix}/a`).value("a:1");
    await using instancer = etcdInstancer({ client: cut, prefix, pingMs: 200, timeoutMs: 500 });
    const told: string[] = [];
    instancer.subscribe(({ instances, error }) => void told.push(instances?.[0]?.address ?? codeOf(error)));
    await vi.waitUntil(() => told.length === 1, patience);
    proxy.cut();
    await vi.waitUntil(() => instancer.status.state === "stale", patience);
    proxy.heal();
    await vi.waitUntil(() => instancer.status.state === "fresh", patience);
    expect([told[0], told[1], told.at(-1)]).toEqual(["a:1", "unavailable", "a:1"]);
  });

  it("has a process that was killed gone within its ttl, and one that closes at once", async () => {
    using client = disposable(clientOf(server.url));
    const prefix = newPrefix();
    await using instancer = etcdInstancer({ client, prefix });
    let count = 0;
    instancer.subscribe(({ instances }) => {
      count = instances?.length ?? count;
    });
    const process = await registeredProcess({ url: server.url, prefix, instance: { address: "a:1" }, ttlMs: 2_000 });
    await vi.waitUntil(() => count === 1, patience);
    await process.kill();
    const killed = performance.now();
    await vi.waitUntil(() => count === 0, patience);
    // etcd looks for expired leases twice a second and lets none live less than its own election takes; the machine may be busy.
    expect(performance.now() - killed).toBeLessThan(5_000);

    const registrar = etcdRegistrar({ client, prefix, instance: { address: "a:2" } });
    await registrar.register();
    await vi.waitUntil(() => count === 1, patience);
    const closed = performance.now();
    await registrar.close();
    await vi.waitUntil(() => count === 0, patience);
    expect(performance.now() - closed).toBeLessThan(1_000);
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
