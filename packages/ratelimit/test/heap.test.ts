import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const fixture = fileURLToPath(new URL("heap.fixture.mjs", import.meta.url));

/** By how many bytes that many keys grow the heap of a process of their own, after garbage collection. */
async function growth(keys: number, maxKeys: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    fixture,
    String(keys),
    String(maxKeys),
  ]);
  return Number(stdout);
}

it("keeps 100 000 keys, each with its bucket, in less than 30 MB", { timeout: 60_000 }, async () => {
  expect(await growth(100_000, 100_000)).toBeLessThan(30_000_000);
});

it("keeps no more of 100 000 keys than it may", { timeout: 60_000 }, async () => {
  expect(await growth(100_000, 1_000)).toBeLessThan(2_000_000);
});
