import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 60_000 });

/** A folder that is gone when the test is. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "kit-sd-file-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Registers an instance in a process of its own. */
export const registrarScript: URL = new URL("registrar.fixture.mjs", import.meta.url);

/** An entry as a registrar writes it, of no process that is known. */
export function entryText(entry: Record<string, unknown>): string {
  return JSON.stringify({ version: 1, instance: { address: "a" }, ttlMs: 60_000, since: 1, ...entry });
}
