import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServerKind } from "./server-kind.ts";

/** What `bin/install.sh` has built lies here. */
export const ownPrograms: string = fileURLToPath(new URL("../.bin", import.meta.url));

/** The path of a program on the PATH, or of one that `bin/install.sh` has built. Debian keeps daemons in /usr/sbin, which is not on everybody's PATH. */
export function foundProgram(name: string): string | undefined {
  const folders = [ownPrograms, ...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => isThere(path, constants.X_OK));
}

/** What of a server's needs is not there. */
export function missingNeeds({ needs }: ServerKind): readonly string[] {
  return needs.filter((need) => (isAbsolute(need) ? !isThere(need, constants.R_OK) : foundProgram(need) === undefined));
}

function isThere(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
