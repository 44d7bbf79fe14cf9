import { type DiscoveryFaultsSubject, testDiscoveryFaults } from "@kit/conformance/discovery-faults";
import { registrarSet } from "@kit/conformance/registrar";
import { consul, serverPool, tcpProxy, whenStartable } from "@kit/servers";
import { afterAll } from "vitest";
import { consulInstancer, consulRegistrar } from "../src/index.ts";
import { clientOf, newService } from "./workbench.ts";

whenStartable(consul, () => {
  const pool = serverPool(consul);
  afterAll(() => pool[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: DiscoveryFaultsSubject; teardown: () => Promise<void> }> {
    const server = await pool.lend();
    const network = await tcpProxy(server.port);
    const direct = clientOf(server.port);
    const through = clientOf(network.port);
    const service = newService();
    const placed = registrarSet((instance) =>
      consulRegistrar({ client: direct, service, instance, ttlMs: 600_000, forgetMs: 600_000 }),
    );
    return {
      subject: {
        instancer: () => consulInstancer({ client: through, service, waitMs: 1_000 }),
        registrar: (instance) => consulRegistrar({ client: through, service, instance, ttlMs: 9_000 }),
        set: placed.set,
        server,
        network,
      },
      async teardown() {
        await placed.close();
        direct.destroy();
        through.destroy();
        await network[Symbol.asyncDispose]();
        await pool.takeBack(server);
      },
    };
  }

  testDiscoveryFaults({ setup, supports: { registers: true, keepsData: true } });
});
