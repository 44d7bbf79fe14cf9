import { background } from "@kit/endpoint";
import { consul, type Server, startServer, whenStartable } from "@kit/servers";
import { firstInstances } from "@kit/sd";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { consulInstancer, consulRegistrar } from "../src/index.ts";
import { clientOf, newService } from "./workbench.ts";

whenStartable(consul, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(consul);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  describe("consulRegistrar", () => {
    it("TestRegistrar: gives Consul what it shows elsewhere, and takes it back", async () => {
      const client = clientOf(server.port);
      const service = newService();
      const instance = { address: "127.0.0.1:8080", weight: 5, zone: "a", metadata: { version: "2" } };
      const registrar = consulRegistrar({ client, service, instance, tags: ["api", "v2"] });
      await registrar.register();
      const [listed] = await client.health.service(service);
      expect(listed.Service).toMatchObject({
        ID: `${service}-127.0.0.1:8080`,
        Address: "127.0.0.1",
        Port: 8080,
        Tags: ["api", "v2"],
        Weights: { Passing: 5, Warning: 1 },
        Meta: { version: "2", "kit-zone": "a", "kit-weight": "5" },
      });
      await registrar.close();
      expect(await client.health.service(service)).toEqual([]);
    });

    it("tells what Consul does not take", async () => {
      const instance = { address: "127.0.0.1:8080", metadata: { "not a key": "x" } };
      await using registrar = consulRegistrar({ client: clientOf(server.port), service: newService(), instance });
      await expect(registrar.register()).rejects.toMatchObject({ code: "invalid_argument" });
    });

    it("goes to the next agent when one is away", async () => {
      const service = newService();
      const client = [clientOf(1), clientOf(server.port)];
      await using registrar = consulRegistrar({ client, service, instance: { address: "127.0.0.1:8080" } });
      await registrar.register();
      await using instancer = consulInstancer({ client, service });
      expect(await firstInstances(instancer, background.withTimeout(10_000))).toHaveLength(1);
    });

    it.each([
      [{ instance: { address: "http://a:1" } }, "instance.address must be host:port"],
      [{ id: "" }, "id must be"],
      [{ ttlMs: 10 }, "ttlMs must be"],
      [{ forgetMs: 10 }, "forgetMs must be"],
    ])("refuses %j", (wrong, message) => {
      const options = { client: clientOf(1), service: "search", instance: { address: "a:1" }, ...wrong };
      expect(() => consulRegistrar(options)).toThrow(`consulRegistrar: ${message}`);
    });
  });
});
