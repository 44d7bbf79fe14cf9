import { type DiscoveryFaultsSubject, testDiscoveryFaults } from "@kit/conformance/discovery-faults";
import { registrarSet } from "@kit/conformance/registrar";
import { etcd, serverPool, tcpProxy, whenStartable } from "@kit/servers";
import { afterAll } from "vitest";
import { etcdInstancer, etcdRegistrar } from "../src/index.ts";
import { clientOf, newPrefix } from "./workbench.ts";

whenStartable(etcd, () => {
  const pool = serverPool(etcd);
  afterAll(() => pool[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: DiscoveryFaultsSubject; teardown: () => Promise<void> }> {
    const server = await pool.lend();
    const network = await tcpProxy(server.port);
    const direct = clientOf(server.url);
    const through = clientOf(`http://127.0.0.1:${network.port}`);
    const prefix = newPrefix();
    const placed = registrarSet((instance) => etcdRegistrar({ client: direct, prefix, instance, ttlMs: 600_000 }));
    return {
      subject: {
        instancer: () => etcdInstancer({ client: through, prefix, pingMs: 500, timeoutMs: 1_000 }),
        registrar: (instance) => etcdRegistrar({ client: through, prefix, instance, ttlMs: 9_000 }),
        set: placed.set,
        server,
        network,
      },
      async teardown() {
        await placed.close();
        direct.close();
        through.close();
        await network[Symbol.asyncDispose]();
        await pool.takeBack(server);
      },
    };
  }

  testDiscoveryFaults({ setup, supports: { registers: true, keepsData: true } });
});
