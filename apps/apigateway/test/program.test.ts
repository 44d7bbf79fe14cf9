import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, expect, test } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const consul = process.env["KIT_CONSUL_URL"];
const chromium = process.env["KIT_CHROMIUM"];
const secret = "a secret of more than thirty-two bytes";
const running = new Set<ChildProcess>();
const anyPorts = ["--http-addr=:0", "--debug-addr=:0"];
// A killed demo cannot remove its registry, so each run has its own place for temporary files.
const temporary = mkdtempSync(join(tmpdir(), "apigateway-test-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

interface Run {
  readonly child: ChildProcess;
  readonly lines: AsyncIterable<string>;
  readonly errors: Promise<string>;
}

function start(args: readonly string[], env: Record<string, string> = {}): Run {
  // A process group of its own, as a terminal gives it.
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary, ...env },
    detached: true,
  });
  running.add(child);
  let errors = "";
  child.stderr.on("data", (text) => (errors += text));
  return { child, lines: createInterface(child.stdout), errors: once(child, "close").then(() => errors) };
}

interface Introduced {
  readonly url: string;
  readonly debugUrl: string;
  readonly token: string;
  /** Of the backends. */
  readonly pids: readonly number[];
}

/** Reads what it says of itself until it is up. */
async function introduced({ lines }: Run): Promise<Introduced> {
  let text = "";
  for await (const line of lines) {
    text += `${line}\n`;
    if (line.startsWith("Ctrl-C")) break;
  }
  return {
    url: /gateway +(http:\/\/[^/]+)/.exec(text)![1]!,
    debugUrl: /operators +(http:\/\/[^/]+)/.exec(text)![1]!,
    token: /TOKEN=(\S+)/.exec(text)?.[1] ?? "",
    pids: Array.from(text.matchAll(/kill -9 (\d+)/g), ([, pid]) => Number(pid)),
  };
}

async function all(lines: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const line of lines) text += `${line}\n`;
  return text;
}

async function sum(url: string, token: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${url}/addsvc/sum`, { method: "POST", body: '{"a":1,"b":2}', headers })).json();
}

async function playRound(...args: string[]): Promise<[code: number, account: string]> {
  const { child, lines } = start(["--once", ...args], { JWT_SECRET: secret });
  const exit = once(child, "exit");
  const account = await all(lines);
  return [(await exit)[0], account];
}

test("plays its round, and every step comes out right", async () => {
  expect(await playRound()).toEqual([0, expect.stringContaining("Everything came out right.")]);
}, 180_000);

test.skipIf(consul === undefined)(
  "plays its round on Consul (only where KIT_CONSUL_URL is the address of one)",
  async () => {
    const account = expect.stringContaining("Everything came out right.");
    expect(await playRound(`--consul-addr=${consul}`)).toEqual([0, account]);
  },
  180_000,
);

test("finds what others have registered, and knows tokens by a secret of its owner's", async () => {
  const registry = mkdtempSync(join(temporary, "registry-"));
  const place = `--registry-dir=${registry}`;
  const env = { JWT_SECRET: secret };
  const backend = start(["addsvc", place]);
  const run = start([...anyPorts, place, "--retry-timeout=20s"], env);
  const { url, token: told, pids } = await introduced(run);
  expect(pids).toEqual([]);
  // Such a log is kept, so there is no token in it.
  expect(told).toBe("$(npm");
  const token = (await all(start(["token", "--subject=grace"], env).lines)).trim();
  while (((await sum(url, token)) as { code?: string }).code === "unavailable");
  expect(await sum(url, token)).toEqual({ v: 3 });
  expect(await sum(url, "")).toMatchObject({ code: "unauthenticated" });
  backend.child.kill("SIGTERM");
  expect((await once(backend.child, "exit"))[0]).toBe(0);
}, 60_000);

test("shows operators what it does", async () => {
  const run = start([...anyPorts, "--retry-timeout=20s"]);
  const { url, debugUrl, token } = await introduced(run);
  expect(await sum(url, token)).toEqual({ v: 3 });
  const page = await fetch(`${debugUrl}/debug`);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await page.text()).toContain("<title>apigateway</title>");
  const state = (await (await fetch(`${debugUrl}/debug/state`)).json()) as Record<string, any>;
  expect(state["instances"]["addsvc"]).toHaveLength(2);
  const { traceId } = state["traces"][0];
  expect(await (await fetch(`${debugUrl}/readyz`)).json()).toEqual({ status: "ok", checks: { instances: "ok" } });
  expect(await (await fetch(`${debugUrl}/metrics`)).text()).toContain(
    'apigateway_request_duration_seconds_count{service="addsvc",method="sum",code="ok"} 1',
  );
  // The debug page is not for those who call.
  expect((await fetch(`${url}/debug`)).status).toBe(404);
  process.kill(-run.child.pid!, "SIGINT");
  const errors = await run.errors;
  // The gateway and the instance that it called.
  expect(errors.match(new RegExp(`trace_id=${traceId} .*method=sum`, "g"))).toHaveLength(2);
}, 60_000);

test.skipIf(chromium === undefined)(
  "shows it in a browser as well (only where KIT_CHROMIUM is the path of one)",
  async () => {
    const run = start([...anyPorts, "--retry-timeout=20s"], { JWT_SECRET: secret });
    const { url, debugUrl } = await introduced(run);
    const subject = "<b id=injected>ada</b>";
    const token = (await all(start(["token", `--subject=${subject}`], { JWT_SECRET: secret }).lines)).trim();
    expect(await sum(url, token)).toEqual({ v: 3 });
    const args = ["--headless", "--no-sandbox", "--virtual-time-budget=5000", "--dump-dom", `${debugUrl}/debug`];
    const { stdout: page } = await promisify(execFile)(chromium!, args);
    const state = (await (await fetch(`${debugUrl}/debug/state`)).json()) as Record<string, any>;
    expect(page).toContain(state["traces"][0].traceId);
    for (const address of state["instances"]["addsvc"]) expect(page).toContain(address);
    // A subject is what its issuer says; here it is a text and nothing else.
    expect(page).toContain("&lt;b id=injected&gt;ada&lt;/b&gt;");
    expect(page).not.toContain("<b id=");
  },
  120_000,
);

test("sends its traces to a collector, the instances theirs", async () => {
  const bodies: string[] = [];
  const collector = createServer((request, response) => {
    let body = "";
    request.on("data", (text) => (body += text));
    request.on("end", () => {
      bodies.push(body);
      response.end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  const { port } = collector.address() as AddressInfo;
  const run = start([...anyPorts, "--retry-timeout=20s", `--otlp-url=http://127.0.0.1:${port}/v1/traces`]);
  const { url, token } = await introduced(run);
  const exit = once(run.child, "exit");
  expect(await sum(url, token)).toEqual({ v: 3 });
  run.child.kill("SIGTERM");
  expect((await exit)[0]).toBe(0);
  collector.close();
  const spans = bodies.flatMap((body) =>
    (JSON.parse(body).resourceSpans as any[]).flatMap(({ resource, scopeSpans }) => {
      const service = resource.attributes.find(({ key }: any) => key === "service.name").value.stringValue;
      return scopeSpans.flatMap(({ spans: sent }: any) => sent.map(({ traceId }: any) => ({ service, traceId })));
    }),
  );
  expect(spans.filter(({ service }) => service === "apigateway")).toHaveLength(2);
  expect(spans.filter(({ service }) => service === "addsvc")).toHaveLength(1);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
}, 60_000);

test("stops cleanly on SIGINT, its instances with it", async () => {
  const run = start(anyPorts);
  const { url, pids } = await introduced(run);
  const exit = once(run.child, "exit");
  // What Ctrl-C does: the whole group hears of it.
  process.kill(-run.child.pid!, "SIGINT");
  expect((await exit)[0]).toBe(0);
  expect(await run.errors).toContain('reason="received signal SIGINT"');
  await expect(fetch(url)).rejects.toThrow("fetch failed");
  expect(pids).toHaveLength(4);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
}, 60_000);

test("leaves no instance behind when it is killed", async () => {
  const run = start(anyPorts);
  const { pids } = await introduced(run);
  // The instances hold the other end of these pipes: they close when the last of them is gone.
  const gone = once(run.child, "close");
  run.child.kill("SIGKILL");
  await gone;
  expect(pids).toHaveLength(4);
}, 60_000);

test("says in a sentence that a port is taken", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (const flag of ["http-addr", "debug-addr"]) {
    const { child, errors } = start([...anyPorts, `--${flag}=:${port}`]);
    expect((await once(child, "exit"))[0]).toBe(2);
    expect(await errors).toContain(`apigateway: port ${port} is in use: choose another with --${flag}`);
    expect(await errors).not.toContain("    at ");
  }
  server.close();
}, 60_000);

test.each([
  [["--nope"], "Unknown option '--nope'"],
  [["-http.addr", "8000"], '--http-addr must be like :8000 or 0.0.0.0:8000, got "8000"'],
  [["-retry.timeout", "soon"], '--retry-timeout must be like 500ms or 2s, got "soon"'],
  [["-retry.max=0"], '--retry-max must be a positive number, got "0"'],
  [["--backends=-1"], '--backends must be a whole number, got "-1"'],
  [["--consul-addr=:8500"], "nobody could call: set JWT_SECRET or --jwks-url, or let everybody in with --auth none"],
  [["--consul-addr=http://["], '--consul-addr must be like 127.0.0.1:8500, got "http://["'],
  [["addsvc"], "an instance needs --consul-addr or --registry-dir to register in"],
  [["stringsvc", "--consul-addr=127.0.0.1:1"], "cannot register with Consul at 127.0.0.1:1"],
])(
  "says what is wrong with %j",
  async (args, message) => {
    const env = message.includes("JWT_SECRET") ? {} : { JWT_SECRET: secret };
    const { child, errors } = start(args, env);
    expect((await once(child, "exit"))[0]).toBe(2);
    expect(await errors).toContain(message);
    expect(await errors).not.toContain("    at ");
  },
  60_000,
);

test("--help lists the flags", async () => {
  const { child, lines } = start(["--help"]);
  const exit = once(child, "exit");
  expect(await all(lines)).toMatch(/--http-addr +where to listen/);
  expect((await exit)[0]).toBe(0);
});
