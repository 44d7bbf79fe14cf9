import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { registrarSet, type RegistrarSubject, testRegistrar } from "@kit/conformance/registrar";
import { consul, outage, registeredProcess, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, beforeAll } from "vitest";
import { consulInstancer, consulRegistrar } from "../src/index.ts";
import { clientOf, newService, registrarScript } from "./workbench.ts";

whenStartable(consul, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(consul);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: InstancerSubject & RegistrarSubject; teardown: () => Promise<void> }> {
    const client = clientOf(server.port);
    const place = { client, service: newService() };
    const placed = registrarSet((instance) => consulRegistrar({ ...place, instance, ttlMs: 600_000 }));
    const open: AsyncDisposable[] = [];
    const outages = outage(server);
    const subject: InstancerSubject & RegistrarSubject = {
      instancer: () => consulInstancer(place),
      registrar: (instance) => consulRegistrar({ ...place, instance, ttlMs: 3_000 }),
      set: placed.set,
      async mortal(instance) {
        const child = await registeredProcess(registrarScript, {
          port: server.port,
          service: place.service,
          instance,
          ttlMs: 3_000,
        });
        open.push(child);
        return () => child.kill();
      },
      // Counted by the server from the last renewal.
      expiryMs: 3_000,
      wipeRegistry: () => server.restart({ wipe: true }),
      ...outages,
    };
    return {
      subject,
      async teardown() {
        await outages.healRegistry();
        await placed.close();
        for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
        client.destroy();
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
