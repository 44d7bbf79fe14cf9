import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

export interface Running {
  readonly child: ChildProcess;
  readonly lines: AsyncIterable<string>;
  /** All that it wrote to stderr, once it has ended. */
  readonly errors: Promise<string>;
}

/** So that it does not matter what else runs on the machine. */
export const anyPorts = ["http", "grpc", "thrift", "jsonrpc", "debug"].map((name) => `--${name}-addr=:0`);

const running = new Set<ChildProcess>();
// A killed demo cannot remove its registry, so each run has its own place for temporary files.
const temporary = mkdtempSync(join(tmpdir(), "addsvc-test-"));

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Starts the program; it is killed when the test ends. */
export function start(...args: string[]): Running {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary },
    // A process group of its own, as a terminal gives it.
    detached: true,
  });
  running.add(child);
  let errors = "";
  child.stderr.on("data", (text) => (errors += text));
  return { child, lines: createInterface(child.stdout), errors: once(child, "close").then(() => errors) };
}

export async function all(lines: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const line of lines) text += `${line}\n`;
  return text;
}

/** Reads what the demo says until it is up. @returns the addresses it tells, by name. */
export async function addressesOf({ lines }: Running): Promise<Record<string, string>> {
  const addresses: Record<string, string> = {};
  for await (const line of lines) {
    const [, name, address] = /^ {2}(\S+) +(\S+)/.exec(line) ?? [];
    if (name !== undefined) addresses[name] = address!;
    if (line.includes("Ctrl-C")) break;
  }
  return addresses;
}
