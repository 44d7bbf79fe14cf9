import { type DiscoveryFaultsSubject, testDiscoveryFaults } from "@kit/conformance/discovery-faults";
import { bind, serverPool, tcpProxy, udpProxy, whenStartable } from "@kit/servers";
import { afterAll } from "vitest";
import { dnssrvInstancer } from "../src/index.ts";
import { newName, nsupdates, recordsOf, replacing } from "./workbench.ts";

whenStartable(bind, () => {
  const pool = serverPool(bind);
  afterAll(() => pool[Symbol.asyncDispose]());

  async function setup(): Promise<{ subject: DiscoveryFaultsSubject; teardown: () => Promise<void> }> {
    const server = await pool.lend();
    // The system gives TCP a port that UDP mostly has free as well.
    const overTcp = await tcpProxy(server.port);
    const overUdp = await udpProxy(server.port, overTcp.port);
    const networks = [overTcp, overUdp] as const;
    const updates = nsupdates(server);
    const name = newName();
    return {
      subject: {
        instancer: () =>
          dnssrvInstancer({ name, servers: [`127.0.0.1:${overTcp.port}`], refreshMs: 50, timeoutMs: 1_000 }),
        address: (port) => `one.kit.test:${port}`,
        set: (instances) => updates.send(replacing(name, recordsOf(instances))),
        server,
        network: {
          cut: () => networks.forEach((network) => network.cut()),
          garble: () => networks.forEach((network) => network.garble()),
          heal: () => networks.forEach((network) => network.heal()),
        },
      },
      async teardown() {
        await updates[Symbol.asyncDispose]();
        for (const network of networks) await network[Symbol.asyncDispose]();
        await pool.takeBack(server);
      },
    };
  }

  testDiscoveryFaults({
    setup,
    supports: { registers: "DNS has no way to register", keepsData: true },
  });
});
