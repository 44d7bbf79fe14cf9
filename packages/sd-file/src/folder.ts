import type { Stats } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Code, KitError } from "@kit/endpoint";
import { optionError, requireName } from "@kit/sd";

/**
 * The folder of a service's entries.
 *
 * @throws {TypeError} when the directory is no path or the service could lead out of it.
 */
export function serviceFolder(caller: string, directory: string, service: string): string {
  if (typeof directory !== "string" || directory === "" || directory.includes("\0")) {
    throw optionError(`${caller}: directory`, "a path", directory);
  }
  requireName(`${caller}: service`, service);
  return join(resolve(directory), service);
}

/** Makes the folder if it is missing. A link in its place is refused: whoever made it could have entries written anywhere. */
export async function openFolder(folder: string): Promise<Stats> {
  await mkdir(folder, { recursive: true });
  return statFolder(folder);
}

export async function statFolder(folder: string): Promise<Stats> {
  const stat = await lstat(folder);
  if (!stat.isDirectory()) throw new Error(`${folder} is not a directory`);
  return stat;
}

const codes: Partial<Record<string, Code>> = {
  EACCES: "permission_denied",
  EPERM: "permission_denied",
  EROFS: "permission_denied",
  ENOSPC: "resource_exhausted",
  EDQUOT: "resource_exhausted",
  EMFILE: "resource_exhausted",
  ENFILE: "resource_exhausted",
};

/**
 * Does something in the folder, and gives the file system's error a code. The path that it names stays in the cause, which crosses no wire.
 *
 * @throws {KitError} `permission_denied`, `resource_exhausted` (no space, no handles left) or `unavailable`.
 */
export async function inFolder<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (cause) {
    const { code = "unusable" } = cause as NodeJS.ErrnoException;
    throw new KitError(codes[code] ?? "unavailable", `the service directory failed: ${code}`, { cause });
  }
}
