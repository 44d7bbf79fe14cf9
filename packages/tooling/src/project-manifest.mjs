import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { workspacePackages } from "./workspace.mjs";

/**
 * @typedef {import("./workspace.mjs").Manifest} Manifest
 *
 * @typedef {object} Importer of the lock file: a package or app
 * @property {Record<string, { version: string }>} [dependencies]
 * @property {Record<string, { version: string }>} [devDependencies]
 *
 * @typedef {object} Snapshot of the lock file: a package from the registry
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [optionalDependencies]
 *
 * @typedef {object} Workspace what the manifest of a project outside depends on
 * @property {ReadonlyMap<string, Manifest>} packages by name
 * @property {{ catalog: Record<string, string>, allowBuilds: Record<string, boolean>, overrides: Record<string, string> }} settings
 * @property {{ importers: Record<string, Importer>, snapshots: Record<string, Snapshot> }} lock
 */

/**
 * @param {string} from its root
 * @returns {Workspace}
 */
export function readWorkspace(from) {
  const yaml = (/** @type {string} */ file) => parse(readFileSync(join(from, file), "utf8"));
  return {
    packages: new Map(workspacePackages(from).map(({ manifest }) => [manifest.name, manifest])),
    settings: yaml("pnpm-workspace.yaml"),
    lock: yaml("pnpm-lock.yaml"),
  };
}

/**
 * The manifest of an app outside of the workspace, still under its name here. What pnpm-workspace.yaml settles for the app's packages stands in it as npm
 * has it, in `overrides` and `allowScripts`; `create` knows how others spell that.
 *
 * @param {string} folder of the app, such as "apps/addsvc"
 * @param {any} manifest
 * @param {(name: string) => boolean} isLeftOut says of a development dependency that only what stays behind needs it
 * @param {Workspace} workspace
 */
export function projectManifest(folder, manifest, isLeftOut, workspace) {
  const needed = Object.entries(manifest.devDependencies).filter(
    ([name]) => !workspace.packages.get(name)?.private && !isLeftOut(name),
  );
  const installed = closure(folder, new Set(needed.map(([name]) => name)), workspace);
  const { allowBuilds, overrides } = workspace.settings;
  return {
    ...manifest,
    // The user's affair; it is not written.
    license: undefined,
    dependencies: resolve(Object.entries(manifest.dependencies), workspace),
    devDependencies: resolve(needed, workspace),
    ...whereAny("overrides", nest(filter(overrides, (name) => installed.has(name.replace(/>.*/, ""))))),
    ...whereAny(
      "allowScripts",
      filter(allowBuilds, (name) => installed.has(name)),
    ),
  };
}

/**
 * As pnpm does it when it publishes.
 *
 * @param {readonly [string, string][]} ranges
 * @param {Workspace} workspace
 */
function resolve(ranges, { packages, settings: { catalog } }) {
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
 * @param {string} folder
 * @param {ReadonlySet<string>} development which of its development dependencies count
 * @param {Workspace} workspace
 * @returns {ReadonlySet<string>} the names of all packages that come with an app
 */
function closure(folder, development, { lock, packages }) {
  const names = new Set();
  const seen = new Set();
  const visit = (/** @type {string} */ name, /** @type {string} */ version) => {
    names.add(name);
    const key = packages.has(name) ? name : `${name}@${version}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (packages.has(name)) return visitAll(lock.importers[name.replace("@kit/", "packages/")]?.dependencies);
    const { dependencies, optionalDependencies } = lock.snapshots[key] ?? {};
    for (const [other, at] of Object.entries({ ...dependencies, ...optionalDependencies })) visit(other, at);
  };
  const visitAll = (/** @type {Importer["dependencies"]} */ locked = {}) => {
    for (const [name, { version }] of Object.entries(locked)) visit(name, version);
  };
  const { dependencies, devDependencies = {} } = lock.importers[folder] ?? {};
  visitAll(dependencies);
  visitAll(filter(devDependencies, (name) => development.has(name)));
  return names;
}

/**
 * @template T
 * @param {Record<string, T>} values
 * @param {(key: string) => boolean} predicate
 * @returns {Record<string, T>}
 */
const filter = (values, predicate) => Object.fromEntries(Object.entries(values).filter(([key]) => predicate(key)));

/**
 * @param {Record<string, string>} overrides with pnpm's `parent>child` for npm's `{ parent: { child } }`
 */
function nest(overrides) {
  /** @type {Record<string, string | Record<string, string>>} */
  const nested = {};
  for (const [key, range] of Object.entries(overrides)) {
    const [parent = "", child] = key.split(">");
    nested[parent] = child === undefined ? range : { .../** @type {object} */ (nested[parent]), [child]: range };
  }
  return nested;
}

/**
 * @param {string} key
 * @param {object} values
 */
const whereAny = (key, values) => (Object.keys(values).length === 0 ? {} : { [key]: values });
