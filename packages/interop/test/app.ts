import type { Place, ServerKind } from "@kit/servers";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A file of an app of this workspace. */
function appFile(name: string, path: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`@kit-apps/${name}/package.json`)), path);
}

/**
 * An app of this workspace as a server.
 *
 * @param main - its program, below `dist`.
 * @param path - what it answers once it serves, whatever with.
 */
export function app(name: string, main: string, path: string, flags: (place: Place) => readonly string[]): ServerKind {
  const file = appFile(name, `dist/${main}`);
  return {
    name,
    install: "turbo run build",
    needs: [file],
    command: (place) => ({ file: process.execPath, args: [file, ...flags(place)] }),
    probe: async (url) => (await fetch(url + path)).status > 0,
  };
}
