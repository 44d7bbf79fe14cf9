import type { IncomingMessage } from "node:http";
import { codeOf } from "@kit/endpoint";
import type { Registrar } from "@kit/sd";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { eurekaRegistrar, type EurekaRegistrarOptions } from "../src/index.ts";
import { type FakeEureka, fakeEureka } from "./workbench.ts";

/** What Eureka answers when all is well. */
const usual: Partial<Record<string, number>> = { POST: 204, PUT: 200, DELETE: 200 };

const id = "10.0.0.1%3Aaddsvc%3A80";
const [post, put, del] = [
  "POST /eureka/apps/ADDSVC",
  `PUT /eureka/apps/ADDSVC/${id}`,
  `DELETE /eureka/apps/ADDSVC/${id}`,
];

let fake: FakeEureka;
let statuses: Partial<Record<string, number>>;
let opened: AsyncDisposable[];

beforeEach(async () => {
  statuses = { ...usual };
  fake = await fakeEureka(({ method }, response) => response.writeHead(statuses[method!]!).end());
  opened = [fake];
});

afterEach(async () => {
  for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
});

function registering(options: Partial<EurekaRegistrarOptions> = {}): { registrar: Registrar; errors: Error[] } {
  const errors: Error[] = [];
  const registrar = eurekaRegistrar({
    servers: [fake.url],
    service: "addsvc",
    instance: { address: "10.0.0.1:80" },
    ttlMs: 1_000,
    onError: (error) => errors.push(error),
    ...options,
  });
  opened.push(registrar);
  return { registrar, errors };
}

const requested = (...requests: readonly string[]): Promise<void> =>
  vi.waitFor(() => expect(fake.requests).toEqual(requests), { timeout: 20_000, interval: 10 });

describe("eurekaRegistrar", () => {
  it("registers once, renews, and deregisters once (go-kit TestRegistrar)", async () => {
    const { registrar, errors } = registering();
    await Promise.all([registrar.register(), registrar.register()]);
    expect(fake.requests).toEqual([post]);
    await requested(post, put, put);
    await Promise.all([registrar.deregister(), registrar.deregister()]);
    expect(fake.requests.filter((request) => request === del)).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  it("sends the record as JSON that says what it is", async () => {
    let sent: Promise<{ instance: object }> | undefined;
    let type: string | undefined;
    fake.answer = (request, response) => {
      type = request.headers["content-type"];
      sent = body(request);
      response.writeHead(204).end();
    };
    const metadata = { owner: 'Größe & <Söhne> "x=y"' };
    await registering({ instance: { address: "[::1]:80", metadata }, secure: true }).registrar.register();
    expect((await sent!).instance).toMatchObject({
      app: "ADDSVC",
      ipAddr: "::1",
      metadata,
      port: { $: 80, "@enabled": "false" },
      securePort: { $: 80, "@enabled": "true" },
    });
    expect(type).toBe("application/json");
    fake.answer = (_, response) => response.end();
  });

  it("registers again when a renewal is answered 404 (go-kit TestExpiredInstance)", async () => {
    const { registrar, errors } = registering();
    await registrar.register();
    statuses["PUT"] = 404;
    await vi.waitUntil(() => fake.requests.filter((request) => request === post).length === 2, { timeout: 20_000 });
    expect(fake.requests).toEqual([post, put, post]);
    expect(errors.map((error) => error.message)).toEqual(["Eureka answered 404"]);
  });

  it("registers again, after a backoff, when renewals fail otherwise", async () => {
    const { registrar, errors } = registering();
    await registrar.register();
    Object.assign(statuses, { PUT: 500, POST: 500 });
    await vi.waitUntil(() => errors.length === 4, { timeout: 20_000 });
    Object.assign(statuses, usual);
    await vi.waitUntil(() => fake.requests.at(-1) === put, { timeout: 20_000 });
    expect(fake.requests.slice(0, 5)).toEqual([post, put, post, post, post]);
    expect(new Set(errors.map(codeOf))).toEqual(new Set(["unavailable"]));
  });

  it.for([
    [401, "unauthenticated"],
    [403, "permission_denied"],
    [400, "unavailable"],
    [404, "unavailable"],
    [500, "unavailable"],
    [302, "unavailable"],
    [200, "unavailable"],
  ] as const)("rejects when register is answered %i (go-kit TestBadRegister)", async ([status, code]) => {
    statuses["POST"] = status;
    const { registrar } = registering();
    await expect(registrar.register()).rejects.toMatchObject({ code, message: `Eureka answered ${status}` });
    expect(fake.requests).toEqual([post]);
    statuses["POST"] = 204;
    await registrar.register();
  });

  it("rejects when deregister is refused, and renews no more (go-kit TestBadDeregister)", async () => {
    const { registrar } = registering();
    await registrar.register();
    statuses["DELETE"] = 500;
    expect(await registrar.deregister().catch(codeOf)).toBe("unavailable");
    const asked = fake.requests.length;
    await new Promise((resolve) => void setTimeout(resolve, 700));
    expect(fake.requests).toHaveLength(asked);
    statuses["DELETE"] = 200;
    await registrar.deregister();
  });

  it("has deregistered when Eureka did not have the instance any more", async () => {
    const { registrar, errors } = registering();
    await registrar.register();
    statuses["DELETE"] = 404;
    await registrar.close();
    expect(errors).toEqual([]);
  });

  it("rejects when no server answers in time, and says why", async () => {
    fake.answer = () => {};
    const { registrar } = registering({ timeoutMs: 100, servers: [fake.url, fake.url] });
    await expect(registrar.register()).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("is overtaken at once by deregister, also while a server is silent", async () => {
    fake.answer = ({ method }, response) => method === "DELETE" && response.end();
    const { registrar } = registering({ timeoutMs: 60_000 });
    const registered = registrar.register().catch(codeOf);
    await requested(post);
    const start = performance.now();
    await registrar.deregister();
    expect(await registered).toBe("canceled");
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(fake.requests).toEqual([post, del]);
  });

  it("tells the next server when one is down", async () => {
    await using down = await fakeEureka((_, response) => response.writeHead(503).end());
    const { registrar, errors } = registering({ servers: [down.url, fake.url] });
    await registrar.register();
    await requested(post, put);
    expect(down.requests).toEqual([post]);
    expect(errors).toEqual([]);
  });

  it("leaves each server its time", async () => {
    await using silent = await fakeEureka(() => {});
    const { registrar, errors } = registering({ servers: [silent.url, fake.url], timeoutMs: 300 });
    await registrar.register();
    expect(silent.requests).toEqual([post]);
    expect(errors).toEqual([]);
  });

  it("reads no more than it needs of what it is answered", async () => {
    fake.answer = (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(16_384)));
      };
      response.on("drain", more);
      more();
    };
    expect(await registering().registrar.register().catch(codeOf)).toBe("resource_exhausted");
    fake.answer = (_, response) => response.end();
  });

  it.for([
    ["servers", [], "eurekaRegistrar: servers must be"],
    ["service", "a/b", "eurekaRegistrar: service must be"],
    ["ttlMs", 999, "eurekaRegistrar: ttlMs must be a number from 1000"],
    ["ttlMs", "1000", "eurekaRegistrar: ttlMs must be"],
    ["timeoutMs", 0, "eurekaRegistrar: timeoutMs must be"],
    ["hostName", "", "eurekaRegistrar: hostName must be"],
    ["instance", { address: "" }, "instance: address must be"],
    ["instance", { address: "http://a:1" }, "eurekaRegistrar: instance.address must be"],
  ] as const)("refuses %s: %o", ([option, value, message]) => {
    const make = (): unknown => registering({ [option]: value });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});

async function body(request: IncomingMessage): Promise<{ instance: object }> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text) as { instance: object };
}
