import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { registrarSet, type RegistrarSubject, testRegistrar } from "@kit/conformance/registrar";
import { outage, registeredProcess, type Server, startServer, whenStartable, zookeeper } from "@kit/servers";
import { afterAll, beforeAll } from "vitest";
import { type ZkClient, zkClient, zkInstancer, zkRegistrar } from "../src/index.ts";
import { newPath, registrarScript } from "./workbench.ts";

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
    const placed = registrarSet((instance) => zkRegistrar({ client, path, instance }));
    const open: AsyncDisposable[] = [];
    const outages = outage(server);
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
      set: placed.set,
      async mortal(instance) {
        const child = await registeredProcess(registrarScript, {
          servers: server.url,
          path,
          instance,
          sessionTimeoutMs: 3_000,
        });
        open.push(child);
        return () => child.kill();
      },
      // Counted by the server from the last ping, and looked for four times a second.
      expiryMs: 3_250,
      wipeRegistry: () => server.restart({ wipe: true }),
      ...outages,
    };
    return {
      subject,
      async teardown() {
        await outages.healRegistry();
        await placed.close();
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
