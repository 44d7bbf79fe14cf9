import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { registrarSet, type RegistrarSubject, testRegistrar } from "@kit/conformance/registrar";
import { eureka, registeredProcess, type Server, startServer, tcpProxy, whenInstalled } from "@kit/servers";
import { afterAll, beforeAll } from "vitest";
import { eurekaInstancer, eurekaRegistrar } from "../src/index.ts";
import { newService, operate, records, registrarScript } from "./workbench.ts";

whenInstalled(eureka, () => {
  let server: Server;
  let direct: string;

  beforeAll(async () => {
    server = await startServer(eureka);
    direct = `${server.url}/eureka`;
  });

  afterAll(() => server[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: InstancerSubject & RegistrarSubject; teardown: () => Promise<void> }> {
    const service = newService();
    const proxy = await tcpProxy(server.port);
    const through = {
      servers: [`http://127.0.0.1:${proxy.port}/eureka`],
      service,
      timeoutMs: 2_000,
    };
    const placed = registrarSet((instance) => eurekaRegistrar({ servers: [direct], service, instance }));
    const open: AsyncDisposable[] = [proxy];
    const subject: InstancerSubject & RegistrarSubject = {
      instancer: () => eurekaInstancer({ ...through, pollMs: 50 }),
      registrar: (instance) => eurekaRegistrar({ ...through, instance, ttlMs: 3_000 }),
      set: placed.set,
      async mortal(instance) {
        const child = await registeredProcess(registrarScript, { servers: [direct], service, instance, ttlMs: 1_000 });
        open.push(child);
        return () => child.kill();
      },
      // A renewal counts for twice the lease, and the server looks twice a second.
      expiryMs: 2_500,
      async wipeRegistry() {
        for (const { instanceId } of await records(direct, service)) {
          await operate(direct, "DELETE", `${service.toUpperCase()}/${encodeURIComponent(instanceId)}`);
        }
      },
      async breakRegistry() {
        proxy.cut();
      },
      async healRegistry() {
        proxy.heal();
      },
    };
    return {
      subject,
      async teardown() {
        await placed.close();
        for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
      },
    };
  }

  testInstancer({
    setup,
    supports: { weight: true, zone: true, metadata: true, thousand: true, outages: true },
    timeoutMs: 20_000,
  });

  testRegistrar({
    setup,
    supports: { weight: true, zone: true, metadata: true, expires: true, recovers: true, outages: true },
    timeoutMs: 20_000,
  });
});
