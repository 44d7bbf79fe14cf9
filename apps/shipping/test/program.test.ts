import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, test } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const running = new Set<ChildProcess>();
const anyPorts = ["--http-addr=:0", "--routing-addr=:0"];
const temporary = mkdtempSync(join(tmpdir(), "shipping-test-"));
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

function start(...args: string[]): Run {
  // A process group of its own, as a terminal gives it.
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: temporary,
    detached: true,
  });
  running.add(child);
  let errors = "";
  child.stderr.on("data", (text) => (errors += text));
  return { child, lines: createInterface(child.stdout), errors: once(child, "close").then(() => errors) };
}

/** Reads what it says of itself until it is up. */
async function introduced({ lines }: Run): Promise<{ url: string; routing: string; routingPid: number }> {
  let text = "";
  for await (const line of lines) {
    text += `${line}\n`;
    if (line.startsWith("Ctrl-C")) break;
  }
  const find = (pattern: RegExp): string => pattern.exec(text)![1]!;
  return {
    url: find(/booking +(http:\/\/[^/]+)/),
    routing: find(/routing +(http:\/\/[^/]+)/),
    routingPid: Number(find(/kill -9 (\d+)/)),
  };
}

async function all(lines: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const line of lines) text += `${line}\n`;
  return text;
}

async function routesOf(url: string): Promise<unknown> {
  return (await fetch(`${url}/booking/v1/cargos/FTL456/request_routes`)).json();
}

test("plays its round, and every step comes out right", async () => {
  const { child, lines, errors } = start("--once");
  const exit = once(child, "exit");
  const account = await all(lines);
  expect(account, await errors).toContain("Everything came out right.");
  expect(account).not.toContain("✗");
  expect((await exit)[0]).toBe(0);
}, 60_000);

test("goes on without its routing service, and with another in its place", async () => {
  const run = start(...anyPorts, "--database=:memory:");
  const { url, routing, routingPid } = await introduced(run);
  expect(await routesOf(url)).toHaveProperty("routes");
  process.kill(routingPid, "SIGKILL");
  // The signal is there before the process is gone.
  while (Object.keys((await routesOf(url)) as object).length > 0);
  expect((await fetch(`${url}/tracking/v1/cargos/FTL456`)).status).toBe(200);
  const another = start("routing", `--routing-addr=${new URL(routing).host}`);
  while (Object.keys((await routesOf(url)) as object).length === 0);
  another.child.kill("SIGTERM");
  expect((await once(another.child, "exit"))[0]).toBe(0);
}, 60_000);

test("has its cargos after a restart", async () => {
  const first = start(...anyPorts);
  const { url } = await introduced(first);
  const order = { origin: "SESTO", destination: "DEHAM", arrival_deadline: "2030-01-01T00:00:00Z" };
  const reply = await fetch(`${url}/booking/v1/cargos`, { method: "POST", body: JSON.stringify(order) });
  const { tracking_id: id } = (await reply.json()) as { tracking_id: string };
  // As when the machine loses power.
  first.child.kill("SIGKILL");
  await once(first.child, "close");
  const second = await introduced(start(...anyPorts));
  expect((await fetch(`${second.url}/booking/v1/cargos/${id}`)).status).toBe(200);
}, 60_000);

test("shows operators what it does", async () => {
  const { url } = await introduced(start(...anyPorts, "--database=:memory:"));
  await routesOf(url);
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "ok", checks: { database: "ok" } });
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "ok", checks: {} });
  const page = await (await fetch(`${url}/metrics`)).text();
  expect(page).toContain(
    'api_booking_service_request_duration_seconds_count{service="booking",method="requestRoutes",code="ok"} 1',
  );
  const stream = (await fetch(`${url}/hystrix.stream`)).body!.getReader();
  const text = new TextDecoder().decode((await stream.read()).value);
  expect(text).toMatch(/^data: \{"type":"HystrixCommand","name":"fetch-routes"/);
  await stream.cancel();
  const nowhere = await fetch(`${url}/nowhere`);
  expect([nowhere.status, await nowhere.json()]).toMatchObject([404, { error: "no method at /nowhere" }]);
}, 60_000);

test("stops cleanly on SIGINT, its stand-in with it", async () => {
  const run = start(...anyPorts, "--database=:memory:");
  const { url, routing } = await introduced(run);
  const exit = once(run.child, "exit");
  // What Ctrl-C does: the whole group hears of it.
  process.kill(-run.child.pid!, "SIGINT");
  expect((await exit)[0]).toBe(0);
  expect(await run.errors).toContain('reason="received signal SIGINT"');
  for (const gone of [url, routing]) await expect(fetch(gone)).rejects.toThrow("fetch failed");
}, 60_000);

test("leaves no stand-in behind when it is killed", async () => {
  const run = start(...anyPorts, "--database=:memory:");
  const { routing } = await introduced(run);
  // The stand-in holds the other end of these pipes: they close when it is gone.
  const gone = once(run.child, "close");
  run.child.kill("SIGKILL");
  await gone;
  await expect(fetch(routing)).rejects.toThrow("fetch failed");
}, 60_000);

test("says in a sentence that a port is taken", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (const flag of ["http-addr", "routing-addr"]) {
    const { child, errors } = start(...anyPorts, "--database=:memory:", `--${flag}=:${port}`);
    expect((await once(child, "exit"))[0]).toBe(2);
    expect(await errors).toContain(`shipping: port ${port} is in use: choose another with --${flag}`);
    expect(await errors).not.toContain("    at ");
  }
  server.close();
}, 60_000);

test.each([
  [["--nope"], "Unknown option '--nope'"],
  [["-http.addr", "8080"], '--http-addr must be like :8080 or 0.0.0.0:8080, got "8080"'],
  [["-service.routing=elsewhere"], '--service-routing must be like http://localhost:7878, got "elsewhere"'],
  [["--database=/nowhere/at/all.db"], "cannot open the database: "],
  [["--database=postgres://ada:secret@127.0.0.1:1/x"], "cannot open the database: connect ECONNREFUSED 127.0.0.1:1"],
])(
  "says what is wrong with %j",
  async (args, message) => {
    const { child, errors } = start(...anyPorts, ...args);
    expect((await once(child, "exit"))[0]).toBe(2);
    expect(await errors).toContain(message);
    expect(await errors).not.toContain("    at ");
    expect(await errors).not.toContain("secret");
  },
  60_000,
);

test("--help lists the flags", async () => {
  const { child, lines } = start("--help");
  const exit = once(child, "exit");
  expect(await all(lines)).toMatch(/--http-addr +where to listen/);
  expect((await exit)[0]).toBe(0);
});
