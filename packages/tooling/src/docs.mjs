import { fail, install } from "./setup.mjs";
import { echo, run } from "./run.mjs";

/**
 * Builds the documentation site, and with --open serves it on this machine until it is told to stop.
 *
 * @param {string[]} args
 */
export async function docs(args) {
  await install();
  // The API reference reads what packages import of each other as it is built.
  const steps = [
    ["turbo", "run", "build", "--filter=./packages/*", "--output-logs=errors-only"],
    ["pnpm", "--filter", "@kit/docs", "--silent", "build:site"],
  ];
  let said = "";
  for (const [command = "", ...rest] of steps) {
    const { code, output } = await run(command, rest);
    if (code !== 0) fail(`${output}\nThe documentation could not be built.`);
    said = output;
  }
  echo(said.trim().split("\n").at(-1) ?? "");
  if (args.includes("--open")) await run("pnpm", ["--filter", "@kit/docs", "--silent", "preview"], { onLine: echo });
}
