import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { type RegistrarSubject, type RegistrarUnderTest, testRegistrar } from "@kit/conformance/registrar";
import { type Server, startServer, whenStartable, zookeeper } from "@kit/servers";
import { afterAll, beforeAll } from "vitest";
import { type ZkClient, zkClient, zkInstancer, zkRegistrar } from "../src/index.ts";
import { newPath, registeredProcess } from "./workbench.ts";

whenStartable(zookeeper, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(zookeeper);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: InstancerSubject & RegistrarSubject; teardown: () => Promise<void> }> {
    const path = newPath();
    // For those that only have to be there; their heartbeats must not drown what is tested.
    const client = zkClient({ servers: server.url, sessionTimeoutMs: 600_000 });
    const registrars = new Map<string, RegistrarUnderTest>();
    const open: AsyncDisposable[] = [];
    let broken = false;
    /** With a client of its own, closed with it: what a client keeps open is not theirs. */
    function alone<Made extends { close(): Promise<void> }>(make: (client: ZkClient) => Made): Made {
      const own = zkClient({ servers: server.url, sessionTimeoutMs: 6_000 });
      const made = make(own);
      const close = (): Promise<void> => made.close().then(() => own.close());
      return Object.create(made, { close: { value: close }, [Symbol.asyncDispose]: { value: close } }) as Made;
    }
    const subject: InstancerSubject & RegistrarSubject = {
      instancer: () => alone((own) => zkInstancer({ client: own, path, intervalMs: 10 })),
      registrar: (instance) => alone((own) => zkRegistrar({ client: own, path, instance })),
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
          const registrar = zkRegistrar({ client, path, instance });
          registrars.set(key, registrar);
          await registrar.register();
        }
      },
      async mortal(instance) {
        const child = await registeredProcess({ servers: server.url, path, instance, sessionTimeoutMs: 3_000 });
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
        await client.close();
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
