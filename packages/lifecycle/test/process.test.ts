import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, expect, it } from "vitest";

const fixture = fileURLToPath(new URL("process.fixture.mjs", import.meta.url));

let child: ChildProcess;
let lines: Interface;
let printed: string[];
let url: string;

/** Resolves when the process has printed such a line. */
async function line(wanted: RegExp): Promise<string> {
  for (;;) {
    const found = printed.find((text) => wanted.test(text));
    if (found !== undefined) return found;
    await once(lines, "line");
  }
}

beforeEach(async () => {
  child = spawn(process.execPath, [fixture], { stdio: ["ignore", "pipe", "inherit"] });
  lines = createInterface(child.stdout!);
  printed = [];
  lines.on("line", (text) => printed.push(text));
  url = `http://127.0.0.1:${(await line(/^port /)).slice(5)}`;
});

afterEach(() => {
  child.kill("SIGKILL");
});

it("finishes what it has at SIGTERM, and leaves with 0", async () => {
  const exit = once(child, "exit");
  expect((await fetch(`${url}/ready`)).status).toBe(200);
  const slow = fetch(`${url}/slow`);
  await line(/^got \/slow/);
  child.kill("SIGTERM");
  expect(await (await slow).text()).toBe("done");
  expect(await exit).toEqual([0, null]);
  expect(printed.slice(-3)).toEqual(["deregister", "close", "received signal SIGTERM"]);
});

it("leaves at once at a second SIGTERM, with 143", async () => {
  const exit = once(child, "exit");
  const stuck = fetch(`${url}/stuck`).catch((error: unknown) => error);
  await line(/^got \/stuck/);
  child.kill("SIGTERM");
  await line(/^still stopping/);
  child.kill("SIGTERM");
  expect(await exit).toEqual([143, null]);
  expect(printed.slice(-2)).toEqual(["still stopping", "received signal SIGTERM"]);
  expect(await stuck).toBeInstanceOf(TypeError);
});
