import { type DiscoveryFaultsSubject, testDiscoveryFaults } from "@kit/conformance/discovery-faults";
import { registrarSet } from "@kit/conformance/registrar";
import { serverPool, tcpProxy, whenStartable, zookeeper } from "@kit/servers";
import { afterAll } from "vitest";
import { zkClient, zkInstancer, zkRegistrar } from "../src/index.ts";
import { newPath } from "./workbench.ts";

whenStartable(zookeeper, () => {
  const pool = serverPool(zookeeper);
  afterAll(() => pool[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: DiscoveryFaultsSubject; teardown: () => Promise<void> }> {
    const server = await pool.lend();
    const network = await tcpProxy(server.port);
    const direct = zkClient({ servers: server.url, sessionTimeoutMs: 600_000 });
    const through = zkClient({ servers: `127.0.0.1:${network.port}`, sessionTimeoutMs: 9_000 });
    const path = newPath();
    const placed = registrarSet((instance) => zkRegistrar({ client: direct, path, instance }));
    return {
      subject: {
        instancer: () => zkInstancer({ client: through, path }),
        registrar: (instance) => zkRegistrar({ client: through, path, instance }),
        set: placed.set,
        server,
        network,
      },
      async teardown() {
        await placed.close();
        await through.close();
        await direct.close();
        await network[Symbol.asyncDispose]();
        await pool.takeBack(server);
      },
    };
  }

  testDiscoveryFaults({ setup, supports: { registers: true, keepsData: true } });
});
