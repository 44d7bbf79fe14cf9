import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Instance } from "@kit/sd";
import { isEntryName, isTemporaryName, type ReadEntry, readEntry } from "./entry.ts";
import { hasEnded, thisProcess } from "./owner.ts";

/** What is known of one file. */
interface File {
  /** None as long as it has made no sense. */
  readonly entry?: ReadEntry;
  /** When the entry counts no longer, unless it is touched before. */
  expiresAt: number;
  /** When what the dead have left is removed. */
  removeAt: number;
  /** When to read it again at the latest. */
  readonly readAt: number;
  /** Why it could not be read the last time. */
  readonly problem?: string;
}

/** What is not listed is read again so often, in case a change to it was not reported. */
const recheckMs = 10_000;

/** So many are read at once; each takes a file handle. */
const batch = 32;

/** A temporary file so old was left by a process that died while it wrote. */
const abandonedMs = 60_000;

/** The entries in a folder, as far as they are known. */
export interface EntryFiles {
  /** Reads what is new, what may have changed by now and what is said to have changed. */
  scan(changed: ReadonlySet<string>): Promise<void>;
  /** One instance for each address, as of this moment. */
  instances(at: number): Iterable<Instance>;
  /** Whether the file of this name holds an entry that is listed. */
  isListed(name: string): boolean;
  /** When the first of what is listed at this moment expires. */
  firstExpiry(at: number): number;
}

export function entryFiles(
  folder: string,
  options: { readonly pollMs: number; readonly now: () => number; readonly report: (error: Error) => void },
): EntryFiles {
  const { pollMs, now, report } = options;
  const here = thisProcess()?.space;
  const files = new Map<string, File>();

  async function read(name: string): Promise<void> {
    const known = files.get(name);
    try {
      const entry = await readEntry(join(folder, name));
      const untouched = known?.entry?.touched === entry.touched ? known : undefined;
      // A time to come is taken for the present, once: the clock may have been set back.
      const expiresAt = untouched?.expiresAt ?? Math.min(entry.touched, now()) + entry.ttlMs;
      const removeAt = untouched?.removeAt ?? now() + 10 * entry.ttlMs;
      files.set(name, {
        entry,
        expiresAt,
        removeAt,
        readAt: expiresAt > now() ? expiresAt - pollMs : now() + recheckMs,
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EMFILE" || code === "ENFILE") throw error;
      if (code === "ENOENT") return void files.delete(name);
      if (known?.problem !== message) {
        report(new Error(`${join(folder, name)} is ignored: ${message}`, { cause: error }));
      }
      // What it said before counts until it expires, since it may be about to be written.
      const readAt = now() + (isListed(name) ? pollMs : recheckMs);
      files.set(name, { expiresAt: -Infinity, removeAt: Infinity, ...known, problem: message, readAt });
    }
  }

  /** What has been left by a process that has ended for certain counts no longer. */
  function expireEnded(): void {
    const ended = new Map<number, boolean>();
    for (const file of files.values()) {
      const owner = file.entry?.owner;
      if (owner === undefined || owner.space !== here || file.expiresAt <= now()) continue;
      if (!ended.has(owner.pid)) ended.set(owner.pid, hasEnded(owner.pid));
      if (ended.get(owner.pid)) file.expiresAt = file.removeAt = -Infinity;
    }
  }

  /** Best effort: the folder may belong to somebody else. */
  async function removeLeftovers(names: readonly string[]): Promise<void> {
    const left: string[] = [];
    for (const [name, file] of files) {
      if (file.expiresAt > now() || file.removeAt > now()) continue;
      file.removeAt = Infinity;
      left.push(name);
    }
    for (const name of names.filter(isTemporaryName)) {
      const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Infinity }));
      if (mtimeMs + abandonedMs <= now()) left.push(name);
    }
    await Promise.allSettled(left.map((name) => rm(join(folder, name), { force: true })));
  }

  function isListed(name: string, at = now()): boolean {
    return (files.get(name)?.expiresAt ?? -Infinity) > at;
  }

  return {
    async scan(changed) {
      const names = await readdir(folder);
      const present = new Set(names.filter(isEntryName));
      for (const name of files.keys()) if (!present.has(name)) files.delete(name);
      const due = [...present].filter((name) => changed.has(name) || (files.get(name)?.readAt ?? -Infinity) <= now());
      for (let n = 0; n < due.length; n += batch) await Promise.all(due.slice(n, n + batch).map(read));
      expireEnded();
      await removeLeftovers(names);
    },

    instances(at) {
      const byAddress = new Map<string, ReadEntry>();
      for (const [name, { entry }] of files) {
        if (entry === undefined || !isListed(name, at)) continue;
        const other = byAddress.get(entry.instance.address);
        if (other === undefined || other.since < entry.since) byAddress.set(entry.instance.address, entry);
      }
      return Array.from(byAddress.values(), ({ instance }) => instance);
    },

    isListed,

    firstExpiry(at) {
      let first = Infinity;
      for (const { expiresAt } of files.values()) if (expiresAt > at) first = Math.min(first, expiresAt);
      return first;
    },
  };
}
