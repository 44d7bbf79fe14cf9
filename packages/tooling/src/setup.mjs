import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { run } from "./run.mjs";
import { readJson, root } from "./workspace.mjs";

/**
 * Ends the command with what went wrong.
 *
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  console.error(message.trimEnd());
  process.exit(1);
}

/**
 * Installs what the lock file names, and puts pnpm and the tools in the path of what runs next.
 *
 * pnpm comes through npx, at the version that the root package.json pins. npx takes a second each time even
 * when it has pnpm already, so the place it answers with is kept in .kit/, which git ignores; pnpm itself
 * sees within a third of a second that nothing changed.
 */
export async function install() {
  const pnpm = await locatePnpm();
  process.env.PATH = [join(root, "node_modules/.bin"), dirname(pnpm), process.env.PATH].join(delimiter);
  process.env.TURBO_TELEMETRY_DISABLED = "1";
  if (!existsSync(join(root, "node_modules/.modules.yaml"))) console.log("Installing packages...");
  const { code, output } = await run("pnpm", ["install", "--frozen-lockfile"]);
  if (code !== 0) fail(`${output}\nThe packages could not be installed.`);
}

async function locatePnpm() {
  const wanted = readJson(join(root, "package.json")).packageManager.split("+")[0];
  const note = join(root, ".kit", wanted);
  const noted = await readFile(note, "utf8").catch(() => "");
  if (noted !== "" && existsSync(noted)) return noted;
  const { code, stdout, output } = await run("npx", ["--yes", `--package=${wanted}`, "-c", "command -v pnpm"]);
  const found = stdout.trim();
  if (code !== 0 || !existsSync(found)) fail(`${output}\nnpx could not fetch ${wanted}.`);
  await mkdir(dirname(note), { recursive: true });
  await writeFile(note, found);
  return found;
}

/**
 * Installs, builds one workspace package with all it stands on, and runs its program in this process, where
 * signals reach it just as they would without us.
 *
 * @param {string} folder such as "apps/addsvc"
 * @param {string[]} args
 */
export async function launch(folder, args) {
  await install();
  const { name } = readJson(join(root, folder, "package.json"));
  const { code, output } = await run("turbo", ["run", "build", `--filter=${name}`, "--output-logs=errors-only"]);
  if (code !== 0) fail(`${output}\n${name} could not be built.`);
  const program = join(root, folder, "dist/main.js");
  process.chdir(join(root, folder));
  process.argv = [process.execPath, program, ...args];
  mergeRepeatedSignals();
  await import(pathToFileURL(program).href);
}

/**
 * npm passes every Ctrl-C on to us, though the terminal has sent it to us already, and programs take a second
 * one for impatience. So a signal that comes again within half a second counts as the same one.
 */
function mergeRepeatedSignals() {
  /** @type {Map<string | symbol, number>} */
  const lastAt = new Map();
  const emit = process.emit;
  process.emit = /** @type {typeof process.emit} */ (
    (/** @type {string | symbol} */ event, /** @type {any[]} */ ...args) => {
      if (event === "SIGINT" || event === "SIGTERM") {
        const now = performance.now();
        const previous = lastAt.get(event) ?? -Infinity;
        lastAt.set(event, now);
        if (now - previous < 500) return true;
      }
      return Reflect.apply(emit, process, [event, ...args]);
    }
  );
}
