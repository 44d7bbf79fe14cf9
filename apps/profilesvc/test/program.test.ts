import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { background } from "@kit/endpoint";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { profilesClient } from "../src/client.ts";

vi.setConfig({ testTimeout: 60_000 });

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "profilesvc-test-"));
const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(...flags: string[]): ChildProcess {
  const child = spawn(process.execPath, [main, ...flags], { stdio: ["ignore", "pipe", "pipe"], cwd: directory });
  running.add(child);
  return child;
}

/** The program as it serves, and is registered if it is to be. */
async function start(...flags: string[]): Promise<{ child: ChildProcess; url: string; told: () => string }> {
  const child = run("-http.addr=:0", ...flags);
  const ready = flags.some((flag) => flag.startsWith("--registry")) ? "msg=registered" : "msg=listening";
  let told = "";
  for await (const line of createInterface(child.stderr!)) {
    told += `${line}\n`;
    if (!line.includes(ready)) continue;
    child.stderr!.on("data", (text) => (told += text)).resume();
    return { child, url: `http://${/ addr=(\S+)/.exec(told)![1]}`, told: () => told };
  }
  throw new Error(`it ended before it served:\n${told}`);
}

async function end(child: ChildProcess): Promise<[code: number, out: string, errors: string]> {
  let out = "";
  let errors = "";
  child.stdout!.on("data", (text) => (out += text));
  child.stderr!.on("data", (text) => (errors += text));
  const [code] = await once(child, "close");
  return [code, out, errors];
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exit = once(child, "exit");
  child.kill(signal);
  return (await exit)[0];
}

test("keeps what it answered for, also when it is killed", async () => {
  const first = await start("--database=kept.db");
  const made = await fetch(`${first.url}/profiles/`, { method: "POST", body: '{"id":"1234","Name":"Go Kit"}' });
  expect(await made.json()).toEqual({});
  await stop(first.child, "SIGKILL");
  const second = await start("--database=kept.db");
  const got = await fetch(`${second.url}/profiles/1234`);
  expect(await got.json()).toEqual({ profile: { id: "1234", name: "Go Kit" } });
  await stop(second.child, "SIGTERM");
});

test("stops cleanly, and says why", async () => {
  const { child, url, told } = await start("--database=:memory:");
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "ok", checks: { database: "ok" } });
  expect(await stop(child, "SIGINT")).toBe(0);
  expect(told()).toContain('reason="received signal SIGINT"');
  await expect(fetch(url)).rejects.toThrow("fetch failed");
});

test("is found in a directory until it stops", async () => {
  const { child, url, told } = await start("--database=:memory:", "--registry=registry");
  const client = await profilesClient({ registry: join(directory, "registry"), timeoutMs: 20_000 });
  await client.postProfile({ id: "1" }, background);
  expect(await (await fetch(`${url}/profiles/1`)).json()).toEqual({ profile: { id: "1" } });
  expect(await stop(child, "SIGTERM")).toBe(0);
  expect(told()).toContain("msg=registered registry=registry");
  await client[Symbol.asyncDispose]();
});

test("says in a sentence that its port is taken", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const [code, , errors] = await end(run("--database=:memory:", `--http-addr=:${port}`));
  expect(code).toBe(2);
  expect(errors).toContain(`profilesvc: port ${port} is in use: choose another with --http-addr`);
  expect(errors).not.toContain("    at ");
  server.close();
});

test.each([
  [["--nope"], "profilesvc: Unknown option '--nope'"],
  [["-http.addr", "8080"], '--http-addr must be like :8081 or 0.0.0.0:8081, got "8080"'],
  [["--database=no/such/folder/profiles.db"], "cannot open the database: "],
  [
    ["--database=postgres://user:secret@127.0.0.1:1/name"],
    "cannot open the database: connect ECONNREFUSED 127.0.0.1:1",
  ],
  [
    ["--database=:memory:", "--http-addr=:0", "--registry=http://127.0.0.1:1"],
    "cannot register with Consul at http://127.0.0.1:1",
  ],
])("says in a sentence what is wrong with %j", async (flags, message) => {
  const [code, , errors] = await end(run(...flags));
  expect(errors).toContain(message);
  expect(code).toBe(2);
  expect(errors).not.toContain("    at ");
  expect(errors).not.toContain("secret");
});

test("--help lists the flags", async () => {
  const [code, out] = await end(run("--help"));
  expect(out).toMatch(/--database +a file for SQLite, :memory:, or postgres/);
  expect(code).toBe(0);
});
