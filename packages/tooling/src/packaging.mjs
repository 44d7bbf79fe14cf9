import { join } from "node:path";

import { echo, run } from "./run.mjs";
import { fail, install } from "./setup.mjs";
import { root } from "./workspace.mjs";

/**
 * Sets up, then tests what users get and what contributors make: packages as published, the next release, the
 * generator. Needs the network, and so is not part of `npm test`.
 *
 * @param {string[]} args vitest's
 */
export async function packaging(args) {
  await install();
  const { code, output } = await run("turbo", ["run", "build", "--output-logs=errors-only"]);
  if (code !== 0) fail(output);
  const cwd = join(root, "packages/tooling");
  const vitest = ["exec", "vitest", "run", "integration", "--maxConcurrency=2", ...args];
  const tested = await run("pnpm", vitest, { cwd, onLine: echo });
  process.exitCode = tested.code;
}
