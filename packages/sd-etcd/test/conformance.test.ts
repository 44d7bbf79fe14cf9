import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { registrarSet, type RegistrarSubject, testRegistrar } from "@kit/conformance/registrar";
import { etcd, outage, registeredProcess, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, beforeAll } from "vitest";
import { etcdInstancer, etcdRegistrar } from "../src/index.ts";
import { clientOf, newPrefix, registrarScript } from "./workbench.ts";

whenStartable(etcd, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(etcd);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: InstancerSubject & RegistrarSubject; teardown: () => Promise<void> }> {
    const client = clientOf(server.url);
    const place = { client, prefix: newPrefix() };
    const placed = registrarSet((instance) => etcdRegistrar({ ...place, instance, ttlMs: 600_000 }));
    const open: AsyncDisposable[] = [];
    const outages = outage(server);
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
      set: placed.set,
      async mortal(instance) {
        const child = await registeredProcess(registrarScript, {
          url: server.url,
          prefix: place.prefix,
          instance,
          ttlMs: 3_000,
        });
        open.push(child);
        return () => child.kill();
      },
      // Counted by the server from the last renewal, and looked for twice a second.
      expiryMs: 3_500,
      wipeRegistry: () => server.restart({ wipe: true }),
      ...outages,
    };
    return {
      subject,
      async teardown() {
        await outages.healRegistry();
        await placed.close();
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
