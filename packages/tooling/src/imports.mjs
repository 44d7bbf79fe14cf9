import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { run } from "./run.mjs";
import { readJson } from "./workspace.mjs";

// The debugger hears of every script, whichever way it is loaded.
const program = `
import { Session } from "node:inspector";
const session = new Session();
session.connect();
const scripts = [];
session.on("Debugger.scriptParsed", ({ params }) => scripts.push(params.url));
session.post("Debugger.enable");
await import(process.argv[1]);
process.stdout.write("\\n" + JSON.stringify(scripts), () => process.exit());
`;

/**
 * The folders of the packages of which something is loaded when a process imports this and nothing else.
 *
 * @param {string} specifier
 * @param {string} folder whose modules import it; absolute
 * @returns {Promise<Set<string>>}
 */
export async function loadedBy(specifier, folder) {
  const args = ["--input-type=module", "--eval", program, specifier];
  const { code, stdout, output } = await run(process.execPath, args, { cwd: folder });
  if (code !== 0) throw new Error(`${specifier} cannot be imported:\n${output}`);
  /** @type {string[]} */
  const scripts = JSON.parse(stdout.slice(stdout.lastIndexOf("\n")));
  return new Set(scripts.filter((url) => url.startsWith("file:")).map((url) => packageAround(fileURLToPath(url))));
}

/**
 * The folders of a package and of all that it may load: what its manifest asks of whoever installs it, and what that asks for in
 * turn. What is there for its tests alone is not among them, nor is a peer that may be missing.
 *
 * @param {string} folder absolute
 * @returns {Set<string>}
 */
export function loadableFrom(folder) {
  const found = new Set([realpathSync(folder)]);
  // A Set also hands out what is added on the way.
  for (const one of found) {
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta = {} } = manifestIn(one);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const place = peerDependenciesMeta[name]?.optional === true ? undefined : installed(name, one);
      if (place !== undefined) found.add(place);
    }
  }
  return found;
}

/** @param {string} folder */
const manifestIn = (folder) => readJson(join(folder, "package.json"));

/**
 * Where Node finds a package.
 *
 * @param {string} name
 * @param {string} from
 * @returns {string | undefined}
 */
function installed(name, from) {
  const place = join(from, "node_modules", name);
  if (existsSync(place)) return realpathSync(place);
  return dirname(from) === from ? undefined : installed(name, dirname(from));
}

/**
 * @param {string} file
 * @returns {string}
 */
function packageAround(file) {
  const folder = dirname(file);
  // Some have another manifest for each form in which they are built, without a name.
  const named = existsSync(join(folder, "package.json")) && manifestIn(folder).name !== undefined;
  return named || folder === file ? folder : packageAround(folder);
}
