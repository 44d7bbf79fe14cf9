import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { echo, run } from "./run.mjs";
import { install } from "./setup.mjs";
import { createTally } from "./tally.mjs";
import { workspacePackages } from "./workspace.mjs";

/**
 * Sets up, then runs every test of every package and app. Prints a line for each, everything that a failed one
 * had to say, and at last `N passed, N failed`.
 *
 * @param {string[]} args turbo's, such as --filter=@kit/lb
 */
export async function test(args) {
  await install();
  const tally = createTally(({ name, passed, failed, skipped }) =>
    console.log(`  ${name.padEnd(36)} ${counts(passed, failed, skipped)}`),
  );
  // What is named in full runs whatever the filter says.
  const filtered = args.some((arg) => /^(--filter|-F)/.test(arg));
  const { code } = await run(
    "turbo",
    [
      "run",
      "test",
      ...(filtered ? ["test:integration"] : integrationTasks()),
      "--continue=dependencies-successful",
      "--concurrency=100%",
      ...args,
      "--",
      // Of a test that takes longer than vitest's 5 s, on a machine that has other work, nothing is to be learnt.
      "--testTimeout=30000",
    ],
    // What a test shows depends on the Node it ran on, and turbo's cache knows that only through the environment.
    { env: { ...process.env, KIT_NODE: process.version }, onLine: (line) => tally.add(line) },
  );

  const tasks = tally.tasks();
  const broken = tasks.filter((task) => task.broken);
  for (const { name, output } of broken) echo(`\n--- ${name} failed ---\n${output.join("\n")}`);
  if (code !== 0 && broken.length === 0) echo(tally.unassigned.join("\n"));

  const sum = (/** @type {"passed" | "failed" | "skipped"} */ what) => tasks.reduce((all, task) => all + task[what], 0);
  const failed = code === 0 ? sum("failed") : Math.max(sum("failed"), 1);
  if (broken.length > 0) console.log(`\nFailed: ${broken.map(({ name }) => name).join(", ")}`);
  if (sum("skipped") > 0) console.log(`\n${sum("skipped")} skipped`);
  console.log(`\n${sum("passed")} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/**
 * @param {number} passed
 * @param {number} failed
 * @param {number} skipped
 */
function counts(passed, failed, skipped) {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(", ");
}

// Only of packages that have such tests: starting vitest to find none takes half a second in each.
const integrationTasks = () =>
  workspacePackages()
    .filter(({ manifest }) => manifest.scripts?.["test:integration"] !== undefined)
    .filter(({ path }) => existsSync(join(path, "test")))
    .filter(({ path }) => readdirSync(join(path, "test")).some((file) => file.endsWith(".integration.test.ts")))
    .map(({ manifest }) => `${manifest.name}#test:integration`);
