import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {string} [packageManager]
 * @property {Record<string, string | { types: string, default: string }>} [exports]
 * @property {Record<string, string>} [scripts]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, string>} [devDependencies]
 *
 * @typedef {object} Package
 * @property {string} folder its place below the root, such as "packages/sd-file"
 * @property {string} path the same, absolute
 * @property {Manifest} manifest
 */

/** The workspace's root folder, absolute. */
export const root = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/**
 * @param {string | URL} path
 * @returns {any}
 */
export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/**
 * Every package and app, by folder.
 *
 * @param {string} [from] the root of another copy of the workspace
 * @returns {Package[]}
 */
export function workspacePackages(from = root) {
  return ["apps", "packages"].flatMap((group) =>
    readdirSync(join(from, group))
      .map((name) => ({ folder: `${group}/${name}`, path: join(from, group, name) }))
      .filter(({ path }) => existsSync(join(path, "package.json")))
      .map((found) => ({ ...found, manifest: readJson(join(found.path, "package.json")) })),
  );
}

/**
 * The packages that are published, by folder.
 *
 * @param {string} [from] the root of another copy of the workspace
 */
export const publishedPackages = (from = root) => workspacePackages(from).filter(({ manifest }) => !manifest.private);
