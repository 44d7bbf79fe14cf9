import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { type RegistrarSubject, type RegistrarUnderTest, testRegistrar } from "@kit/conformance/registrar";
import { eureka, type Server, startServer, tcpProxy, whenInstalled } from "@kit/servers";
import { afterAll, beforeAll } from "vitest";
import { eurekaInstancer, eurekaRegistrar } from "../src/index.ts";
import { newService, operate, records, registeredProcess } from "./workbench.ts";

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
    const registrars = new Map<string, RegistrarUnderTest>();
    const open: AsyncDisposable[] = [proxy];
    const subject: InstancerSubject & RegistrarSubject = {
      instancer: () => eurekaInstancer({ ...through, pollMs: 50 }),
      registrar: (instance) => eurekaRegistrar({ ...through, instance, ttlMs: 3_000 }),
      async set(instances) {
        const wanted = new Map(instances.map((instance) => [JSON.stringify(instance), instance]));
        for (const [key, registrar] of registrars) {
          if (wanted.has(key)) continue;
          registrars.delete(key);
          await registrar.close();
        }
        const added: Promise<void>[] = [];
        for (const [key, instance] of wanted) {
          if (registrars.has(key)) continue;
          const registrar = eurekaRegistrar({ servers: [direct], service, instance });
          registrars.set(key, registrar);
          added.push(registrar.register());
        }
        await Promise.all(added);
      },
      async mortal(instance) {
        const child = await registeredProcess({ servers: [direct], service, instance, ttlMs: 1_000 });
        open.push(child);
        return () => child.kill();
      },
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
        await Promise.all(Array.from(registrars.values(), (registrar) => registrar.close()));
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
