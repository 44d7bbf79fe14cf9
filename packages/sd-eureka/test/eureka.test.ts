import { execFile, type PromiseWithChild } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Instance, Registrar } from "@kit/sd";
import { eureka, eventually, Heard, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import {
  eurekaInstancer,
  type EurekaInstancerOptions,
  eurekaRegistrar,
  type EurekaRegistrarOptions,
} from "../src/index.ts";
import { lastRenewal, newService, operate, records } from "./workbench.ts";

whenStartable(eureka, () => {
  let server: Server;
  let url: string;
  let service: string;
  let opened: AsyncDisposable[];

  beforeAll(async () => {
    server = await startServer(eureka);
    url = `${server.url}/eureka`;
  });

  afterAll(() => server[Symbol.asyncDispose]());

  beforeEach(() => {
    service = newService();
    opened = [];
  });

  afterEach(async () => {
    server.resume();
    for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
  });

  function watching(options: Partial<EurekaInstancerOptions> = {}): Heard {
    const instancer = eurekaInstancer({ servers: [url], service, pollMs: 50, timeoutMs: 1_000, ...options });
    opened.push(instancer);
    return new Heard(instancer);
  }

  function registering(instance: Instance, options: Partial<EurekaRegistrarOptions> = {}): Registrar {
    const registrar = eurekaRegistrar({ servers: [url], service, instance, ttlMs: 3_000, ...options });
    opened.push(registrar);
    return registrar;
  }

  it("tells two instances, one and two (go-kit TestInstancer, TestInstancerReceivesUpdates)", async () => {
    const [first, second] = [registering({ address: "10.0.0.1:80" }), registering({ address: "10.0.0.2:80" })];
    await first.register();
    const heard = watching();
    await heard.until("10.0.0.1:80");
    await second.register();
    await heard.until("10.0.0.1:80", "10.0.0.2:80");
    await second.deregister();
    await heard.until("10.0.0.1:80");
    expect(heard.events).toHaveLength(3);
  });

  it("is told of addresses by name, and of secure ports alone", async () => {
    await registering({ address: "10.0.0.1:80" }, { hostName: "one.example" }).register();
    await registering({ address: "[::1]:443" }, { secure: true }).register();
    const [named, secure] = [watching({ host: "hostName" }), watching({ secure: true })];
    await named.until("one.example:80");
    await secure.until("[::1]:443");
    expect([named.events, secure.events]).toEqual([[["one.example:80"]], [["[::1]:443"]]]);
  });

  it("keeps the status that an operator sets, over renewals and registrations", async () => {
    const instance = { address: "10.0.0.1:80" };
    await registering(instance, { ttlMs: 1_000 }).register();
    const heard = watching();
    await heard.until("10.0.0.1:80");
    const path = `${service.toUpperCase()}/${encodeURIComponent(`10.0.0.1:${service}:80`)}`;
    await operate(url, "PUT", `${path}/status?value=OUT_OF_SERVICE`);
    await heard.until();
    const renewed = await lastRenewal(url, path);
    await eventually(async () => (await lastRenewal(url, path)) > renewed);
    await registering(instance).register();
    await watching().until();
    expect(heard.events).toHaveLength(2);
    await operate(url, "DELETE", `${path}/status?value=UP`);
    await heard.until("10.0.0.1:80");
  });

  it("is served by the servers that are left", async () => {
    const gone = "http://127.0.0.1:1/eureka";
    await registering({ address: "10.0.0.1:80" }, { servers: [gone, url] }).register();
    const heard = watching({ servers: [gone, url] });
    await heard.until("10.0.0.1:80");
    expect(heard.errors).toEqual([]);
  });

  it("lets a process end once all is closed, also while Eureka is stopped, and by itself while it only renews", async () => {
    const run = (timeoutMs: number, rest: string): PromiseWithChild<{ stdout: string; stderr: string }> => {
      const script = `
        import { eurekaInstancer, eurekaRegistrar } from "@kit/sd-eureka";
        const place = { servers: [${JSON.stringify(url)}], service: ${JSON.stringify(service)}, timeoutMs: ${timeoutMs} };
        const registrar = eurekaRegistrar({ ...place, instance: { address: "10.0.0.1:80" }, ttlMs: 1_000 });
        await registrar.register();
        ${rest}
      `;
      return promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
        cwd: fileURLToPath(new URL("..", import.meta.url)),
        timeout: 30_000,
      });
    };
    const watch = `
      const instancer = eurekaInstancer({ ...place, pollMs: 50 });
      await new Promise((resolve) => instancer.subscribe(({ instances }) => instances?.length === 1 && resolve()));
    `;
    expect(await run(600_000, `${watch} await instancer.close(); await registrar.close();`)).toEqual({
      stdout: "",
      stderr: "",
    });
    expect(await records(url, service)).toEqual([]);
    expect(await run(600_000, "")).toEqual({ stdout: "", stderr: "" });

    const stopped = run(
      1_000,
      `
      ${watch}
      console.log("stop");
      await new Promise((resolve) => instancer.subscribe(({ error }) => error && resolve()));
      await Promise.all([instancer.close(), registrar.close()]);
    `,
    );
    await once(stopped.child.stdout!, "data");
    server.pause();
    expect(await stopped).toEqual({ stdout: "stop\n", stderr: "" });
  });
});
