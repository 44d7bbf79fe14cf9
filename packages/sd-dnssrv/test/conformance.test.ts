import { testInstancer } from "@kit/conformance/instancer";
import { bind, outage, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, beforeAll } from "vitest";
import { dnssrvInstancer } from "../src/index.ts";
import { newName, nsupdate, recordsOf, replacing } from "./workbench.ts";

whenStartable(bind, () => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer(bind);
  });

  afterAll(() => server[Symbol.asyncDispose]());

  testInstancer({
    async setup() {
      const name = newName();
      const outages = outage(server);
      return {
        subject: {
          instancer: () =>
            dnssrvInstancer({ name, servers: [`127.0.0.1:${server.port}`], refreshMs: 50, timeoutMs: 10_000 }),
          address: (port) => `one.kit.test:${port}`,
          set: (instances) => nsupdate(server, replacing(name, recordsOf(instances))),
          ...outages,
        },
        teardown: () => outages.healRegistry(),
      };
    },
    supports: {
      weight: true,
      zone: "an SRV record has no field for it",
      metadata: "an SRV record has no field for it",
      thousand: true,
      outages: true,
    },
    timeoutMs: 20_000,
  });
});
