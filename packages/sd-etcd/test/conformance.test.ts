import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { type RegistrarSubject, type RegistrarUnderTest, testRegistrar } from "@kit/conformance/registrar";
import { etcd, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, beforeAll } from "vitest";
import { etcdInstancer, etcdRegistrar } from "../src/index.ts";
import { clientOf, newPrefix, registeredProcess } from "./workbench.ts";

whenStartable(etcd, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(etcd);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: InstancerSubject & RegistrarSubject; teardown: () => Promise<void> }> {
    const client = clientOf(server.url);
    const place = { client, prefix: newPrefix() };
    const registrars = new Map<string, RegistrarUnderTest>();
    const open: AsyncDisposable[] = [];
    let broken = false;
    const subject: InstancerSubject & RegistrarSubject = {
      // With a client of its own, closed with it: what a client keeps open is not the instancer's.
      instancer() {
        const own = clientOf(server.url);
        const instancer = etcdInstancer({ ...place, client: own });
        const close = async (): Promise<void> => {
          await instancer.close();
          own.close();
        };
        return {
          subscribe: (listener) => instancer.subscribe(listener),
          get status() {
            return instancer.status;
          },
          close,
          [Symbol.asyncDispose]: close,
        };
      },
      registrar: (instance) => etcdRegistrar({ ...place, instance, ttlMs: 3_000 }),
      async set(instances) {
        const wanted = new Map(instances.map((instance) => [JSON.stringify(instance), instance]));
        const gone = Array.from(registrars).filter(([key]) => !wanted.has(key));
        // One that says something new of its address has its place already.
        for (const [key, registrar] of gone) {
          registrars.delete(key);
          await registrar.close();
        }
        for (const [key, instance] of wanted) {
          if (registrars.has(key)) continue;
          const registrar = etcdRegistrar({ ...place, instance, ttlMs: 600_000 });
          registrars.set(key, registrar);
          await registrar.register();
        }
      },
      async mortal(instance) {
        const child = await registeredProcess({ url: server.url, prefix: place.prefix, instance, ttlMs: 3_000 });
        open.push(child);
        return () => child.kill();
      },
      wipeRegistry: () => server.restart({ wipe: true }),
      async breakRegistry() {
        broken = true;
        await server.kill();
      },
      async healRegistry() {
        await server.restart();
        broken = false;
      },
    };
    return {
      subject,
      async teardown() {
        if (broken) await server.restart();
        await Promise.all(Array.from(registrars.values(), (registrar) => registrar.close()));
        for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
        client.close();
      },
    };
  }

  const timeoutMs = 20_000;

  testInstancer({
    setup,
    timeoutMs,
    supports: { weight: true, zone: true, metadata: true, thousand: true, outages: true },
  });

  testRegistrar({
    setup,
    timeoutMs,
    supports: { weight: true, zone: true, metadata: true, expires: true, recovers: true, outages: true },
  });
});
