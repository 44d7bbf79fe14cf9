import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { loadableFrom, loadedBy } from "../src/imports.mjs";
import { publishedPackages } from "../src/workspace.mjs";

/** Each import is a process, which takes its time on a busy machine. */
const timeout = 60_000;

/** Of which packages something is loaded, though whoever installs this one is not asked for them. */
async function unasked(specifier: string, folder: string): Promise<string[]> {
  const [loaded, loadable] = [await loadedBy(specifier, folder), loadableFrom(folder)];
  return [...loaded].filter((place) => !loadable.has(place)).toSorted();
}

/** The conformance suites can be imported by vitest alone. */
const entries = publishedPackages()
  .filter(({ manifest }) => manifest.name !== "@kit/conformance")
  .flatMap(({ path, manifest }) =>
    Object.entries(manifest.exports ?? {})
      .filter(([, target]) => typeof target !== "string")
      .map(([below]) => ({ specifier: join(manifest.name, below), path })),
  );

describe.concurrent.each(entries)("$specifier, imported alone", ({ specifier, path }) => {
  it("loads nothing that its manifest does not ask for", { timeout }, async () => {
    const mending = `${specifier} loads these: add them to its dependencies, or take the import away`;
    expect(await unasked(specifier, path), mending).toEqual([]);
  });
});

describe("a package that loads too much", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kit-imports-")));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function install(name: string, manifest: object, main: string): Promise<void> {
    const place = join(folder, "node_modules", name);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "package.json"), JSON.stringify({ name, ...manifest }));
    await writeFile(join(place, "index.js"), main);
  }

  it("is told of, whichever kind of module is too much", { timeout }, async () => {
    await install("asked", { dependencies: { below: "*" } }, 'module.exports = require("below");');
    await install("below", {}, "");
    await install("optional", {}, "");
    await install("only-tests", { type: "module" }, "export {};");
    const manifest = {
      name: "greedy",
      exports: "./index.mjs",
      dependencies: { asked: "*" },
      peerDependencies: { optional: "*" },
      peerDependenciesMeta: { optional: { optional: true } },
      devDependencies: { "only-tests": "*" },
    };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    await writeFile(join(folder, "index.mjs"), 'import "asked"; import "optional"; import "only-tests";');
    const tooMuch = ["only-tests", "optional"].map((name) => join(folder, "node_modules", name));
    expect(await unasked("greedy", folder)).toEqual(tooMuch);
  });

  it("is told of when it cannot be imported at all", { timeout }, async () => {
    await expect(loadedBy("./missing.mjs", folder)).rejects.toThrow("./missing.mjs cannot be imported");
  });
});
