import { type DiscoveryFaultsSubject, testDiscoveryFaults } from "@kit/conformance/discovery-faults";
import { registrarSet } from "@kit/conformance/registrar";
import { eureka, serverPool, tcpProxy, whenStartable } from "@kit/servers";
import { afterAll } from "vitest";
import { eurekaInstancer, eurekaRegistrar } from "../src/index.ts";
import { newService } from "./workbench.ts";

whenStartable(eureka, () => {
  const pool = serverPool(eureka);
  afterAll(() => pool[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: DiscoveryFaultsSubject; teardown: () => Promise<void> }> {
    const server = await pool.lend();
    const network = await tcpProxy(server.port);
    const service = newService();
    const through = { servers: [`http://127.0.0.1:${network.port}/eureka`], service, timeoutMs: 2_000 };
    const placed = registrarSet((instance) =>
      eurekaRegistrar({ servers: [`${server.url}/eureka`], service, instance, ttlMs: 600_000 }),
    );
    return {
      subject: {
        instancer: () => eurekaInstancer({ ...through, pollMs: 50 }),
        registrar: (instance) => eurekaRegistrar({ ...through, instance, ttlMs: 9_000 }),
        set: placed.set,
        server,
        network,
      },
      async teardown() {
        await placed.close();
        await network[Symbol.asyncDispose]();
        await pool.takeBack(server);
      },
    };
  }

  testDiscoveryFaults({ setup, supports: { registers: true, keepsData: "Eureka keeps nothing on disk" } });
});
