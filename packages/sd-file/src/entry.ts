import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type Instance, parseInstance } from "@kit/sd";
import type { Owner } from "./owner.ts";

/** What a file says of the instance that it stands for. */
export interface Entry {
  readonly instance: Instance;
  /** The entry counts for so long after the file was last touched. */
  readonly ttlMs: number;
  /** When it was first written, in ms since the Unix epoch. Of two entries of one address the later counts. */
  readonly since: number;
  readonly owner?: Owner | undefined;
}

/** An entry as it was read. */
export interface ReadEntry extends Entry {
  /** When the file was last touched, in ms since the Unix epoch. */
  readonly touched: number;
}

/** The largest file that is read; an instance with its metadata needs a few hundred bytes. */
export const maxEntryBytes = 65_536;

const version = 1;

export function entryText({ instance, ttlMs, since, owner }: Entry): string {
  return `${JSON.stringify({ version, instance, ttlMs, since, owner })}\n`;
}

/** @throws {TypeError} or `SyntaxError` when the text is no entry. */
function parseEntry(text: string): Entry {
  const entry = JSON.parse(text) as Partial<Record<keyof Entry | "version", unknown>> | null;
  if (entry?.version !== version) throw new TypeError(`entry: version must be ${version}`);
  const { ttlMs, since } = entry;
  if (typeof ttlMs !== "number" || !(ttlMs > 0)) throw new TypeError("entry: ttlMs must be a positive number");
  if (typeof since !== "number") throw new TypeError("entry: since must be a number");
  return { instance: parseInstance(entry.instance), ttlMs, since, owner: parseOwner(entry.owner) };
}

function parseOwner(value: unknown): Owner | undefined {
  if (value === undefined) return undefined;
  const { pid, space } = (value ?? {}) as Partial<Record<keyof Owner, unknown>>;
  if (!Number.isSafeInteger(pid) || (pid as number) < 1 || typeof space !== "string") {
    throw new TypeError("entry: owner must have a pid and a space");
  }
  return { pid: pid as number, space };
}

/**
 * A name that nobody else takes, so that two registrars of one address do not take each other's entry away: a process that starts
 * may announce the address while the one that it replaces still has to withdraw it. It begins with the address, for whoever lists the folder.
 */
export function entryName(address: string): string {
  return `${address.replaceAll(/^\.+|[^\w.-]/g, "_").slice(0, 80)}-${randomBytes(8).toString("hex")}.json`;
}

/** Where an entry is written before it gets its name; the leading dot hides it from instancers. */
export const temporaryName = (name: string): string => `.${name}.tmp`;

export const isEntryName = (name: string): boolean => name.endsWith(".json") && !name.startsWith(".");

export const isTemporaryName = (name: string): boolean => name.endsWith(".tmp") && name.startsWith(".");

/**
 * Reads an entry and when it was last touched.
 *
 * @throws when the file cannot be read, is no regular file (a link or a pipe could lead anywhere or block), is too large or says nothing sensible.
 */
export async function readEntry(path: string): Promise<ReadEntry> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return await readFrom(file);
  } finally {
    await file.close();
  }
}

async function readFrom(file: FileHandle): Promise<ReadEntry> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new TypeError("entry: not a regular file");
  if (stat.size > maxEntryBytes) throw new TypeError(`entry: ${stat.size} bytes are more than ${maxEntryBytes}`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(stat.size), 0, stat.size, 0);
  return { ...parseEntry(buffer.toString("utf8", 0, bytesRead)), touched: stat.mtimeMs };
}
