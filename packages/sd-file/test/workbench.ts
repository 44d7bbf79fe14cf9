import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "@kit/endpoint";
import type { Instancer } from "@kit/sd";
import { vi } from "vitest";

/** Much longer than anything takes, but on a machine that is busy with something else. */
const patienceMs = 15_000;

vi.setConfig({ testTimeout: 2 * patienceMs });

/** A folder that is gone when the test is. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "kit-sd-file-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Registers an instance in a process of its own. */
export const registrarScript: URL = new URL("registrar.fixture.mjs", import.meta.url);

/** What an instancer tells, as addresses and error codes, and a way to wait for it. */
export class Heard {
  readonly events: (string[] | string)[] = [];
  #awaited = 0;
  #look = (): void => {};

  constructor(instancer: Instancer) {
    instancer.subscribe(({ instances, error }) => {
      this.events.push(instances?.map(({ address }) => address) ?? codeOf(error));
      this.#look();
    });
  }

  /** Resolves when this was told, after what was awaited before. */
  async until(...expected: readonly string[]): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`told ${JSON.stringify(this.events)}, not ${JSON.stringify(expected)} at the end`));
      }, patienceMs);
      this.#look = () => {
        const found = this.events.findIndex((event, n) => n >= this.#awaited && String(event) === String(expected));
        if (found === -1) return;
        this.#awaited = found + 1;
        clearTimeout(late);
        resolve();
      };
      this.#look();
    });
    this.#look = () => {};
  }
}

/** Waits for what no instancer tells. */
export function eventually(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  return vi.waitUntil(condition, { interval: 5, timeout: patienceMs });
}

/** An entry as a registrar writes it, of no process that is known. */
export function entryText(entry: Record<string, unknown>): string {
  return JSON.stringify({ version: 1, instance: { address: "a" }, ttlMs: 60_000, since: 1, ...entry });
}
