import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { KitError } from "@kit/endpoint";
import { Heard } from "@kit/servers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { eurekaInstancer, type EurekaInstancerOptions } from "../src/index.ts";
import { application, type FakeEureka, fakeEureka, upRecord } from "./workbench.ts";

let fake: FakeEureka;
let opened: AsyncDisposable[];

beforeEach(async () => {
  fake = await fakeEureka((_, response) => response.end(application(upRecord())));
  opened = [fake];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
});

function watching(options: Partial<EurekaInstancerOptions> = {}): Heard {
  const instancer = eurekaInstancer({ servers: [fake.url], service: "addsvc", pollMs: 10, ...options });
  opened.push(instancer);
  return new Heard(instancer);
}

/** Where nothing listens. */
async function closedPort(): Promise<string> {
  const gone = await fakeEureka(() => {});
  await gone[Symbol.asyncDispose]();
  return gone.url;
}

/** Accepts and stays silent, as a server that was stopped. */
async function silent(): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on("error", () => {})));
  await once(server.listen(0, "127.0.0.1"), "listening");
  opened.push({
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/eureka`;
}

describe("eurekaInstancer", () => {
  it("asks for the application alone, in capital letters", async () => {
    await watching().until("10.0.0.1:80");
    expect(new Set(fake.requests)).toEqual(new Set(["GET /eureka/apps/ADDSVC"]));
  });

  it("takes an application that Eureka does not know for one without instances", async () => {
    const heard = watching();
    await heard.until("10.0.0.1:80");
    fake.answer = (_, response) => response.writeHead(404).end("<html>");
    await heard.until();
    expect(heard.events).toEqual([["10.0.0.1:80"], []]);
  });

  it("tells each change once, whatever it looks like on the wire", async () => {
    const heard = watching();
    await heard.until("10.0.0.1:80");
    fake.answer = (_, response) => response.end(application(upRecord({ lastUpdatedTimestamp: "2" })));
    const asked = fake.requests.length;
    await vi.waitUntil(() => fake.requests.length > asked + 3, { timeout: 10_000 });
    expect(heard.events).toEqual([["10.0.0.1:80"]]);
  });

  it.for([
    [0, 98, Infinity],
    [0.999, 78, 98],
  ] as const)("waits pollMs, less up to a fifth by chance: %d", async ([random, atLeast, below]) => {
    vi.spyOn(Math, "random").mockReturnValue(random);
    const gaps: number[] = [];
    let before = NaN;
    fake.answer = (_, response) => {
      const now = performance.now();
      if (before > 0) gaps.push(now - before);
      before = now;
      response.end(application());
    };
    watching({ pollMs: 100 });
    // A busy machine makes waits longer, never shorter.
    await vi.waitUntil(() => gaps.length >= 5 && Math.min(...gaps) < below, { timeout: 20_000 });
    expect(Math.min(...gaps)).toBeGreaterThan(atLeast);
  });

  it.for([
    [401, "unauthenticated"],
    [403, "permission_denied"],
    [400, "unavailable"],
    [500, "unavailable"],
    [503, "unavailable"],
    [204, "unavailable"],
  ] as const)("keeps the list when Eureka answers %i, and tells %s", async ([status, code]) => {
    const heard = watching();
    await heard.until("10.0.0.1:80");
    fake.answer = (_, response) => response.writeHead(status).end("secret page");
    await heard.until(code);
    expect(heard.errors[0]).toMatchObject({ message: `Eureka answered ${status}` });
    fake.answer = (_, response) => response.end(application(upRecord()));
    await heard.until("10.0.0.1:80");
  });

  it.for([
    ["no JSON", "garbage"],
    ["another page", "<html><body>login</body></html>"],
    ["JSON of something else", '{"applications":{"application":[]}}'],
    ["half of it", application(upRecord()).slice(0, -9)],
  ] as const)("keeps the list when it gets %s", async ([, text]) => {
    const heard = watching();
    await heard.until("10.0.0.1:80");
    fake.answer = (_, response) => response.end(text);
    await heard.until("unavailable");
    expect(heard.errors[0]).toMatchObject({ message: "what Eureka answered makes no sense" });
    expect(heard.events).toHaveLength(2);
  });

  it.for([
    ["no HTTP at all", "\0\u0001garbage\r\n\r\n"],
    ["endless headers", `HTTP/1.1 200 OK\r\nx: ${"x".repeat(1_000_000)}`],
    ["a body that breaks off", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"],
    ["nothing", ""],
  ] as const)("tells an error for %s", async ([, bytes]) => {
    fake.answer = ({ socket }) => void socket.end(bytes);
    const heard = watching();
    await heard.until("unavailable");
    expect(heard.errors[0]!.message).toBe("service discovery is unavailable");
  });

  it("reads no more than maxBytes", async () => {
    let sent = 0;
    fake.answer = (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(16_384))) sent += 16_384;
      };
      response.on("drain", more);
      more();
    };
    const heard = watching({ maxBytes: 100_000, pollMs: 60_000 });
    await heard.until("resource_exhausted");
    expect(heard.errors[0]!.message).toBe("Eureka answered more than 100000 bytes");
    expect(sent).toBeLessThan(50_000_000);
  });

  it("reads nothing that is packed, which could be a thousand times as long", async () => {
    let accepted: unknown;
    fake.answer = ({ headers }, response) => {
      accepted = headers["accept-encoding"];
      response.end(application(upRecord()));
    };
    await watching().until("10.0.0.1:80");
    expect(accepted).toBeUndefined();
  });

  it("gives up on an answer that drips", async () => {
    fake.answer = (_, response) => {
      const drip = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(drip));
    };
    const heard = watching({ timeoutMs: 200 });
    await heard.until("deadline_exceeded");
    expect(heard.errors[0]!.message).toBe("Eureka did not answer within 200 ms");
  });

  it("asks the next server when one is down, answers 500 or is silent, and stays with it", async () => {
    fake.answer = (_, response) => response.writeHead(500).end();
    await using good = await fakeEureka((_, response) => response.end(application(upRecord())));
    const heard = watching({ servers: [await closedPort(), fake.url, await silent(), good.url], timeoutMs: 300 });
    await vi.waitUntil(() => good.requests.length > 5, { timeout: 10_000 });
    expect(heard.events).toEqual([["10.0.0.1:80"]]);
    expect(fake.requests).toHaveLength(1);
  });

  it("tells an error when no server answers, and none of its addresses", async () => {
    const heard = watching({ servers: [await closedPort(), await closedPort()] });
    await heard.until("unavailable");
    expect(heard.errors[0]).toBeInstanceOf(KitError);
    expect(heard.errors[0]!.message).toBe("service discovery is unavailable");
    expect(String(heard.errors[0]!.cause)).toContain("ECONNREFUSED");
  });

  it("sends the user and the password of the URL, and shows them to nobody", async () => {
    const log = ["log", "info", "warn", "error", "debug"].map((name) => vi.spyOn(console, name as "log"));
    const seen: unknown[] = [];
    fake.answer = ({ headers }, response) => {
      seen.push(headers.authorization);
      response.end(application());
    };
    const url = fake.url.replace("http://", "http://us%40er:pa%3Ass%25@");
    await watching({ servers: [url] }).until();
    expect(seen[0]).toBe(`Basic ${Buffer.from("us@er:pa:ss%").toString("base64")}`);

    const heard = watching({ servers: [(await closedPort()).replace("http://", "http://user:hush@")] });
    await heard.until("unavailable");
    fake.answer = (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    const refused = watching({ servers: [url] });
    await refused.until("unavailable");
    for (const error of [...heard.errors, ...refused.errors]) {
      const whole = `${error.stack} ${String(error.cause)} ${JSON.stringify(error.cause)}`;
      expect(whole).not.toMatch(/hush|us%40er|pa%3Ass|dXNA/);
    }
    for (const spy of log) expect(spy).not.toHaveBeenCalled();
  });

  it("follows no redirect and uses no proxy of the environment", async () => {
    await using other = await fakeEureka((_, response) => response.end(application(upRecord())));
    vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${other.port}`);
    vi.stubEnv("http_proxy", `http://127.0.0.1:${other.port}`);
    fake.answer = (_, response) => response.writeHead(307, { location: `${other.url}/apps/ADDSVC` }).end();
    const heard = watching();
    await heard.until("unavailable");
    expect(heard.errors[0]!.message).toBe("Eureka answered 307");
    expect(other.requests).toEqual([]);
  });

  it("reads no settings from the working directory, as its driver would", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kit-sd-eureka-"));
    const before = process.cwd();
    process.chdir(directory);
    try {
      const settings = `requestMiddleware: 1\neureka:\n  ec2Region: x\n  availabilityZones: {x: [y]}\n  serviceUrls: {y: [${await closedPort()}]}\n`;
      await writeFile("eureka-client.yml", settings);
      const heard = watching();
      await heard.until("10.0.0.1:80");
      expect(heard.errors).toEqual([]);
    } finally {
      process.chdir(before);
      await rm(directory, { recursive: true });
    }
  });

  it("trusts the certificates that it is told to, and no others", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kit-sd-eureka-"));
    const [keyFile, certFile] = [join(directory, "key"), join(directory, "cert")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await promisify(execFile)("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", keyFile, "-out", certFile]);
    const [key, cert] = await Promise.all([readFile(keyFile, "utf8"), readFile(certFile, "utf8")]);
    await rm(directory, { recursive: true });
    const secure = createTlsServer({ key, cert }, (_, response) => response.end(application(upRecord())));
    await once(secure.listen(0, "127.0.0.1"), "listening");
    opened.push({
      async [Symbol.asyncDispose]() {
        secure.closeAllConnections();
        await once(secure.close(), "close");
      },
    });
    const servers = [`https://127.0.0.1:${(secure.address() as AddressInfo).port}/eureka`];
    await watching({ servers, tls: { ca: cert } }).until("10.0.0.1:80");
    const heard = watching({ servers });
    await heard.until("unavailable");
    expect(heard.errors[0]!.cause).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  });

  it("says once which instances make no sense", async () => {
    const errors: string[] = [];
    const records = [upRecord({ instanceId: "bad", port: {} }), upRecord()];
    fake.answer = (_, response) => response.end(application(...records));
    await watching({ onError: (error) => errors.push(error.message) }).until("10.0.0.1:80");
    await vi.waitUntil(() => fake.requests.length > 5, { timeout: 10_000 });
    expect(errors).toEqual(['"bad" is ignored: no port']);
  });

  it("closes at once, with a question open as well as between two", async () => {
    for (const servers of [[await silent(), await silent(), await silent()], [fake.url]]) {
      const instancer = eurekaInstancer({ servers, service: "addsvc", timeoutMs: 60_000, pollMs: 60_000 });
      if (servers[0] === fake.url) await new Heard(instancer).until("10.0.0.1:80");
      else await new Promise((resolve) => void setTimeout(resolve, 50));
      const start = performance.now();
      await instancer.close();
      expect(performance.now() - start).toBeLessThan(1_000);
    }
  });

  it.for([
    ["servers", [], "eurekaInstancer: servers must be an array of at least one URL"],
    ["servers", "http://a:1", "eurekaInstancer: servers must be an array"],
    ["servers", ["http://a:1", "a:1"], "eurekaInstancer: servers[1] must be an http or https URL"],
    ["servers", ["http://u:hush@a:1/?x"], "eurekaInstancer: servers[0] must be an http or https URL"],
    ["servers", ["http://u:hush@:1"], "eurekaInstancer: servers[0] must be an http or https URL"],
    ["service", "../x", "eurekaInstancer: service must be"],
    ["service", "", "eurekaInstancer: service must be"],
    ["pollMs", 0, "eurekaInstancer: pollMs must be a number from 1"],
    ["pollMs", 2 ** 31, "eurekaInstancer: pollMs must be"],
    ["timeoutMs", NaN, "eurekaInstancer: timeoutMs must be"],
    ["maxBytes", 0, "eurekaInstancer: maxBytes must be"],
    ["host", "ip", 'eurekaInstancer: host must be "ipAddr" or "hostName"'],
  ] as const)("refuses %s: %o", ([option, value, message]) => {
    const make = (): unknown => watching({ [option]: value });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
    expect(make).not.toThrow("hush");
  });
});
