import { join } from "node:path";

import { echo, run } from "./run.mjs";
import { install } from "./setup.mjs";
import { root } from "./workspace.mjs";

/** @type {{ name: string, command: [string, ...string[]], cwd?: string, fix: string }[]} */
const steps = [
  {
    name: "format",
    command: ["oxfmt", "--check", "."],
    fix: "run `pnpm format`",
  },
  {
    name: "build, types, packages",
    command: ["turbo", "run", "build", "typecheck", "lint:package", "--continue", "--output-logs=errors-only"],
    fix: "the first error above names the package; in its folder: `pnpm build`, `pnpm typecheck`, `pnpm lint:package`",
  },
  {
    name: "lint",
    command: ["oxlint", "."],
    fix: "run `pnpm exec oxlint --fix`, and mend by hand what it leaves",
  },
  {
    name: "unused files, exports, dependencies",
    command: ["knip", "--config", "packages/tooling/knip.json", "--no-progress"],
    fix: "delete what it lists, or import it; a dependency that only a script uses is named in packages/tooling/knip.json",
  },
  {
    name: "one version of each dependency",
    // hystrixjs is made for another rxjs than NestJS, which is among the benchmarks.
    command: ["sherif", "--no-install", "--ignore-dependency=rxjs"],
    fix: "run `pnpm exec sherif --fix`",
  },
  {
    name: "size",
    command: ["pnpm", "exec", "size-limit"],
    cwd: "packages/tooling",
    fix: "make it smaller, or raise its limit in packages/tooling/size-limits.json and say why in the commit",
  },
  {
    name: "changesets",
    command: ["changeset", "status", "--since=HEAD"],
    fix: "run `pnpm changeset`; packages/tooling/README.md says how to write one",
  },
];

/** Says all that can be said of the tree without running its tests. Every step runs, whatever failed before it. */
export async function check() {
  await install();
  const broken = [];
  for (const step of steps) {
    const [command, ...args] = step.command;
    const start = performance.now();
    const { code, output } = await run(command, args, { cwd: join(root, step.cwd ?? "") });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${code === 0 ? "ok    " : "FAILED"}  ${step.name} (${seconds} s)`);
    if (code === 0) continue;
    broken.push(step);
    echo(`\n${output.trim()}\n`);
  }
  for (const { name, fix } of broken) console.log(`${name}: ${fix}`);
  process.exitCode = broken.length === 0 ? 0 : 1;
}
