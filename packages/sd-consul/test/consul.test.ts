import { background, codeOf } from "@kit/endpoint";
import { consul, type Server, startServer, tcpProxy, whenStartable } from "@kit/servers";
import { firstInstances } from "@kit/sd";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { consulInstancer, consulRegistrar } from "../src/index.ts";
import { clientOf, newService, registeredProcess } from "./workbench.ts";

const patience = { interval: 20, timeout: 30_000 };

whenStartable(consul, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(consul);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  describe("consulRegistrar", () => {
    it("TestRegistrar: gives Consul what it shows elsewhere, and takes it back", async () => {
      const client = clientOf(server.port);
      const service = newService();
      const instance = { address: "127.0.0.1:8080", weight: 5, zone: "a", metadata: { version: "2" } };
      const registrar = consulRegistrar({ client, service, instance, tags: ["api", "v2"] });
      await registrar.register();
      const [listed] = await client.health.service(service);
      expect(listed.Service).toMatchObject({
        ID: `${service}-127.0.0.1:8080`,
        Address: "127.0.0.1",
        Port: 8080,
        Tags: ["api", "v2"],
        Weights: { Passing: 5, Warning: 1 },
        Meta: { version: "2", "kit-zone": "a", "kit-weight": "5" },
      });
      await registrar.close();
      expect(await client.health.service(service)).toEqual([]);
    });

    it("tells what Consul does not take", async () => {
      const instance = { address: "127.0.0.1:8080", metadata: { "not a key": "x" } };
      await using registrar = consulRegistrar({ client: clientOf(server.port), service: newService(), instance });
      await expect(registrar.register()).rejects.toMatchObject({ code: "invalid_argument" });
    });

    it("goes to the next agent when one is away", async () => {
      const service = newService();
      const client = [clientOf(1), clientOf(server.port)];
      await using registrar = consulRegistrar({ client, service, instance: { address: "127.0.0.1:8080" } });
      await registrar.register();
      await using instancer = consulInstancer({ client, service });
      expect(await firstInstances(instancer, background.withTimeout(10_000))).toHaveLength(1);
    });

    it.each([
      [{ instance: { address: "http://a:1" } }, "instance.address must be host:port"],
      [{ id: "" }, "id must be"],
      [{ ttlMs: 10 }, "ttlMs must be"],
      [{ forgetMs: 10 }, "forgetMs must be"],
    ])("refuses %j", (wrong, message) => {
      const options = { client: clientOf(1), service: "search", instance: { address: "a:1" }, ...wrong };
      expect(() => consulRegistrar(options)).toThrow(`consulRegistrar: ${message}`);
    });
  });

  it("follows a hundred changes a second to the last", async () => {
    const client = clientOf(server.port);
    const service = newService();
    await using instancer = consulInstancer({ client, service });
    const registrar = (n: number): ReturnType<typeof consulRegistrar> =>
      consulRegistrar({ client, service, instance: { address: `127.0.0.1:${20_000 + n}` } });
    const all = Array.from({ length: 100 }, (_, n) => registrar(n));
    await Promise.all(all.map((one) => one.register()));
    await Promise.all(all.slice(0, 50).map((one) => one.close()));
    let last: readonly string[] = [];
    instancer.subscribe(({ instances = [] }) => {
      last = instances.map(({ address }) => address);
    });
    const expected = Array.from({ length: 50 }, (_, n) => `127.0.0.1:${20_050 + n}`);
    await vi.waitUntil(() => last.length === 50, patience);
    expect(last).toEqual(expected);
    await Promise.all(all.map((one) => one.close()));
  });

  it("keeps its list while Consul is stopped, and hears of what comes after", async () => {
    const client = clientOf(server.port);
    const service = newService();
    const first = consulRegistrar({ client, service, instance: { address: "127.0.0.1:1" } });
    await first.register();
    await using instancer = consulInstancer({ client, service });
    const lists: number[] = [];
    instancer.subscribe(({ instances }) => void (instances !== undefined && lists.push(instances.length)));
    await vi.waitUntil(() => lists.at(-1) === 1, patience);
    server.pause();
    const second = consulRegistrar({ client, service, instance: { address: "127.0.0.1:2" } });
    const registered = second.register();
    server.resume();
    await registered;
    await vi.waitUntil(() => lists.at(-1) === 2, patience);
    expect(lists).toEqual([1, 2]);
    await Promise.all([first.close(), second.close()]);
  });

  it("finds out that the network is cut, keeps its list and recovers", async () => {
    await using proxy = await tcpProxy(server.port);
    const service = newService();
    const instance = { address: "127.0.0.1:1" };
    await using registrar = consulRegistrar({ client: clientOf(server.port), service, instance });
    await registrar.register();
    await using instancer = consulInstancer({ client: clientOf(proxy.port), service, waitMs: 1_000 });
    const told: string[] = [];
    instancer.subscribe(({ instances, error }) => void told.push(instances?.[0]?.address ?? codeOf(error)));
    await vi.waitUntil(() => told.length === 1, patience);
    proxy.cut();
    await vi.waitUntil(() => told.length === 2, patience);
    expect(instancer.status.state).toBe("stale");
    proxy.heal();
    await vi.waitUntil(() => told.length === 3, patience);
    expect(told).toEqual(["127.0.0.1:1", "unavailable", "127.0.0.1:1"]);
  });

  it("has a process that was killed gone within its ttl, and one that closes at once", async () => {
    const client = clientOf(server.port);
    const service = newService();
    await using instancer = consulInstancer({ client, service });
    let count = 0;
    instancer.subscribe(({ instances }) => {
      count = instances?.length ?? count;
    });
    const process = await registeredProcess({
      port: server.port,
      service,
      instance: { address: "127.0.0.1:1" },
      ttlMs: 2_000,
    });
    await vi.waitUntil(() => count === 1, patience);
    await process.kill();
    const killed = performance.now();
    await vi.waitUntil(() => count === 0, patience);
    // Consul counts from the last renewal; the machine may be busy.
    expect(performance.now() - killed).toBeLessThan(4_000);

    const registrar = consulRegistrar({ client, service, instance: { address: "127.0.0.1:2" } });
    await registrar.register();
    await vi.waitUntil(() => count === 1, patience);
    const closed = performance.now();
    await registrar.close();
    await vi.waitUntil(() => count === 0, patience);
    expect(performance.now() - closed).toBeLessThan(1_000);
  });
});
