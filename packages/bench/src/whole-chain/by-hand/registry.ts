import { watch } from "node:fs";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Makes this process known at a place, there whole or not at all. */
export async function announce(place: string, address: string): Promise<void> {
  const path = join(place, `${process.pid}`);
  await writeFile(`${path}.new`, address);
  await rename(`${path}.new`, path);
}

/** The addresses of all who are known there. */
export async function announced(place: string): Promise<string[]> {
  const names = (await readdir(place)).filter((name) => !name.endsWith(".new"));
  return Promise.all(names.map((name) => readFile(join(place, name), "utf8")));
}

/** Tells who is known there, now and whenever that changes. Resolves when it has told for the first time. */
export async function follow(place: string, tell: (addresses: readonly string[]) => void): Promise<void> {
  const look = async (): Promise<void> => tell(await announced(place));
  watch(place, () => void look().catch(() => {}));
  await look();
}
