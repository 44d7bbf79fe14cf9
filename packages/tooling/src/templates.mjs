import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { projectManifest, readWorkspace } from "./project-manifest.mjs";
import { readJson, root, workspacePackages } from "./workspace.mjs";

const notWritten = new Set(["node_modules", "dist", "coverage", ".turbo", ".kit", "CHANGELOG.md"]);
/** Tests that need what is private to the workspace: servers, browsers. */
const workspaceTests = "test/workspace/";

/**
 * Makes the templates of `packages/create`: each app as it is outside of the workspace, with the versions that the
 * tree has now.
 *
 * @param {string} [to] a folder of its own; what is in it goes
 * @param {string} [from] the root of another copy of the workspace
 */
export function makeTemplates(to = join(root, "packages/create/templates"), from = root) {
  const workspace = readWorkspace(from);
  const { compilerOptions } = readJson(join(from, "tsconfig.base.json"));
  rmSync(to, { recursive: true, force: true });
  for (const { folder, path } of workspacePackages(from).filter((one) => one.folder.startsWith("apps/"))) {
    for (const [file, content] of templateOf(folder, path, workspace, compilerOptions)) {
      const place = join(to, basename(folder), file);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, content);
    }
  }
}

/**
 * @param {string} folder
 * @param {string} path
 * @param {import("./project-manifest.mjs").Workspace} workspace
 * @param {Record<string, unknown>} compilerOptions of the workspace
 * @returns {ReadonlyMap<string, string>} content by file
 */
function templateOf(folder, path, workspace, compilerOptions) {
  const all = new Map(files(path).map((file) => [file, readFileSync(join(path, file), "utf8")]));
  const goes = new Map([...all].filter(([file]) => !file.startsWith(workspaceTests)));
  const stays = new Map([...all].filter(([file]) => file.startsWith(workspaceTests)));
  const json = (/** @type {string} */ file) => JSON.parse(all.get(file) ?? "{}");
  const manifest = json("package.json");

  for (const { name } of [...workspace.packages.values()].filter((one) => one.private && one.name !== manifest.name)) {
    const file = whoImports(goes, name);
    if (file !== undefined)
      throw new Error(`${folder}/${file} imports ${name}, which is not published. ${workspaceTests} is for that.`);
  }
  const isLeftOut = (/** @type {string} */ name) =>
    whoImports(stays, name) !== undefined && whoImports(goes, name) === undefined;
  goes.delete(".gitignore");
  goes.delete("package.json");
  return goes
    .set("manifest.json", stringify(projectManifest(folder, manifest, isLeftOut, workspace)))
    .set("tsconfig.json", stringify(projectTsconfig(json("tsconfig.json"), manifest, compilerOptions)))
    .set("test/tsconfig.json", stringify(testTsconfig(json("test/tsconfig.json"))))
    .set("gitignore", gitignore(all.get(".gitignore")));
}

/**
 * @param {string} folder
 * @param {string} [below]
 * @returns {string[]} what people write, as paths from the folder
 */
function files(folder, below = "") {
  const isIgnored = ignores(folder);
  return readdirSync(join(folder, below))
    .filter((name) => !notWritten.has(name) && !isIgnored(name))
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

/**
 * @param {ReadonlyMap<string, string>} sources
 * @param {string} name of a package
 */
function whoImports(sources, name) {
  const imported = new RegExp(`(?:from |import |import\\()"${name}["/]`);
  return [...sources].find(([, content]) => imported.test(content))?.[0];
}

/**
 * An app is nobody's reference, so it is not composite; it is still built by steps, as it is built at each start.
 *
 * @param {any} tsconfig
 * @param {import("./workspace.mjs").Manifest} manifest
 * @param {Record<string, unknown>} base
 */
function projectTsconfig({ compilerOptions, include }, manifest, base) {
  const { composite: _, declaration, declarationMap, ...options } = { ...base, ...compilerOptions };
  delete options.isolatedDeclarations;
  const whole = { incremental: true, ...options, ...(manifest.exports && { declaration, declarationMap }) };
  return { compilerOptions: JSON.parse(JSON.stringify(whole).replaceAll("${configDir}/", "")), include };
}

/** @param {any} tsconfig */
const testTsconfig = ({ include }) => ({
  extends: "../tsconfig.json",
  compilerOptions: { incremental: false, noEmit: true, rootDir: "..", tsBuildInfoFile: null },
  include,
});

/** @param {string} [own] */
const gitignore = (own = "") => `${[...new Set(["node_modules/", "dist/", ...lines(own)])].join("\n")}\n`;

/** @param {string} text */
const lines = (text) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

/** @param {unknown} value */
const stringify = (value) => `${JSON.stringify(value, null, 2)}\n`;
