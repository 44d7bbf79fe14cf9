import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { parse } from "yaml";

import { readJson, root, workspacePackages } from "./workspace.mjs";

/**
 * @typedef {import("./workspace.mjs").Manifest} Manifest
 *
 * @typedef {object} Workspace what ranges are resolved with
 * @property {ReadonlyMap<string, Manifest>} packages by name
 * @property {Record<string, string>} catalog
 * @property {Record<string, unknown>} compilerOptions of every tsconfig.json
 */

const notWritten = new Set(["node_modules", "dist", "coverage", ".turbo", ".kit", "CHANGELOG.md"]);
/** What tests of servers, browsers and the like need is private to the workspace, so they stay in it. */
const workspaceTests = "test/workspace/";

/**
 * Makes the templates of `packages/create`: each app as it is outside of the workspace, with the versions that the
 * tree has now.
 *
 * @param {string} [to] a folder of its own; what is in it goes
 * @param {string} [from] the root of another copy of the workspace
 */
export function makeTemplates(to = join(root, "packages/create/templates"), from = root) {
  const everything = workspacePackages(from);
  const workspace = {
    packages: new Map(everything.map(({ manifest }) => [manifest.name, manifest])),
    catalog: parse(readFileSync(join(from, "pnpm-workspace.yaml"), "utf8")).catalog,
    compilerOptions: readJson(join(from, "tsconfig.base.json")).compilerOptions,
  };
  rmSync(to, { recursive: true, force: true });
  for (const { folder, path } of everything.filter((one) => one.folder.startsWith("apps/"))) {
    for (const [file, content] of templateOf(path, workspace)) {
      const place = join(to, basename(folder), file);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, content);
    }
  }
}

/**
 * @param {string} app its folder
 * @param {Workspace} workspace
 * @returns {Map<string, string>} content by file
 */
function templateOf(app, workspace) {
  const all = new Map(files(app).map((file) => [file, readFileSync(join(app, file), "utf8")]));
  const kept = new Map([...all].filter(([file]) => !file.startsWith(workspaceTests)));
  const left = [...all.values()].filter((content) => ![...kept.values()].includes(content));
  const manifest = JSON.parse(all.get("package.json") ?? "");
  const tsconfig = JSON.parse(all.get("tsconfig.json") ?? "");
  const testsTsconfig = JSON.parse(all.get("test/tsconfig.json") ?? "");
  kept.delete(".gitignore");

  for (const [file, content] of kept) {
    const reached = [...workspace.packages.values()].find(
      (one) => one.private && file !== "package.json" && mentions(content, one.name),
    );
    if (reached !== undefined)
      throw new Error(`${app}/${file} names ${reached.name}, which is not published: ${workspaceTests} is for that.`);
  }
  return kept
    .set("package.json", json(projectManifest(manifest, [...kept.values()], left, workspace)))
    .set("tsconfig.json", json(projectTsconfig(tsconfig, manifest, workspace)))
    .set("test/tsconfig.json", json(testTsconfig(testsTsconfig)))
    .set("gitignore", gitignore(all.get(".gitignore")));
}

/**
 * @param {string} folder
 * @param {string} [below]
 * @returns {string[]} what people write, as paths from the folder
 */
function files(folder, below = "") {
  const ignored = ignores(folder);
  return readdirSync(join(folder, below))
    .filter((name) => !notWritten.has(name) && !ignored(name))
    .flatMap((name) => {
      const path = join(below, name);
      return statSync(join(folder, path)).isDirectory() ? files(folder, path) : [path];
    });
}

/**
 * @param {string} folder
 * @returns {(name: string) => boolean} whether its .gitignore names this; the apps need no more of that language
 */
function ignores(folder) {
  const file = join(folder, ".gitignore");
  if (!existsSync(file)) return () => false;
  const patterns = lines(readFileSync(file, "utf8")).map(
    (line) => new RegExp(`^${line.replace(/\/$/, "").replaceAll(".", "\\.").replaceAll("*", ".*")}$`),
  );
  return (name) => patterns.some((pattern) => pattern.test(name));
}

/** @param {string} text */
const lines = (text) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

/**
 * @param {string} content
 * @param {string} name of a package
 */
const mentions = (content, name) => new RegExp(`["'/]${name}["'/]`).test(content);

/**
 * @param {any} manifest
 * @param {readonly string[]} kept contents
 * @param {readonly string[]} left contents
 * @param {Workspace} workspace
 */
function projectManifest({ license: _, ...manifest }, kept, left, workspace) {
  const needed = Object.entries(manifest.devDependencies).filter(
    ([name]) =>
      !workspace.packages.get(name)?.private &&
      !(left.some((content) => imports(content, name)) && !kept.some((content) => imports(content, name))),
  );
  return {
    ...manifest,
    name: manifest.name.replace("@kit-apps/", ""),
    dependencies: resolve(Object.entries(manifest.dependencies), workspace),
    devDependencies: resolve(needed, workspace),
  };
}

/**
 * @param {string} content
 * @param {string} name of a package
 */
const imports = (content, name) => new RegExp(`from "${name}["/]|import\\("${name}["/]`).test(content);

/**
 * As pnpm does it when it publishes.
 *
 * @param {readonly [string, string][]} ranges
 * @param {Workspace} workspace
 */
function resolve(ranges, { packages, catalog }) {
  return Object.fromEntries(
    ranges.map(([name, range]) => {
      const known = range.startsWith("workspace:") ? packages.get(name)?.version : catalog[name];
      const resolved = range.replace(/^workspace:([\^~]?).*$/, `$1${known}`).replace(/^catalog:$/, `${known}`);
      if (/:|undefined/.test(resolved)) throw new Error(`"${name}": "${range}" has no meaning outside the workspace.`);
      return [name, resolved];
    }),
  );
}

/**
 * An app is nobody's reference, so it is not composite; it is still built by steps, as it is built at each start.
 *
 * @param {any} tsconfig
 * @param {Manifest} manifest
 * @param {Workspace} workspace
 */
function projectTsconfig({ compilerOptions, include }, manifest, workspace) {
  const { composite: _, declaration, declarationMap, isolatedDeclarations: __, ...options } = workspace.compilerOptions;
  const { isolatedDeclarations: ___, ...own } = compilerOptions ?? {};
  const whole = { incremental: true, ...options, ...own, ...(manifest.exports && { declaration, declarationMap }) };
  return {
    compilerOptions: JSON.parse(JSON.stringify(whole).replaceAll("${configDir}/", "")),
    include,
  };
}

/** @param {any} tsconfig */
function testTsconfig({ include }) {
  return {
    extends: "../tsconfig.json",
    compilerOptions: { incremental: false, noEmit: true, rootDir: "..", tsBuildInfoFile: null },
    include,
  };
}

/** @param {string} [own] */
const gitignore = (own = "") => `${[...new Set(["node_modules/", "dist/", ...lines(own)])].join("\n")}\n`;

/** @param {unknown} value */
const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
