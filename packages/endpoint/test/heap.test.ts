import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const fixture = fileURLToPath(new URL("./heap.fixture.mjs", import.meta.url));

/** By how many bytes that many calls grow the heap of a process of their own, after garbage collection. */
async function growth(calls: number, ...mode: string[]): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", fixture, String(calls), ...mode]);
  return Number(stdout);
}

it("retains nothing of a million calls", { timeout: 60_000 }, async () => {
  // The engine's own records grow by some hundred kB; the smallest object kept of each call would be 16 MB.
  expect(await growth(1_000_000)).toBeLessThan(1_000_000);
});

it("would be seen to retain contexts that nobody ends", { timeout: 60_000 }, async () => {
  expect(await growth(10_000, "leak")).toBeGreaterThan(10 * 256 * 1024);
});
