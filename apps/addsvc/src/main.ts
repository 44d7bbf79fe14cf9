import { fileURLToPath } from "node:url";
import { demoFlags, runDemo } from "./demo.ts";
import { flagsHelp, UsageError } from "./flags.ts";
import { instanceFlags, runInstance } from "./instance.ts";
import { say } from "./say.ts";

const usage = `addsvc: a service with everything around it

  npm start -- [flags]            instances and a gateway on this machine
  npm start -- instance [flags]   one instance only

Flags:
${flagsHelp(demoFlags)}

Flags of an instance:
${flagsHelp(instanceFlags)}`;

async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === "--help" || command === "-h" || rest.includes("--help")) {
    say(usage);
    return 0;
  }
  if (command === "instance") return runInstance(rest);
  return runDemo(fileURLToPath(import.meta.url), command === undefined ? [] : [command, ...rest]);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`addsvc: ${error.message} (--help lists the flags)\n`);
  process.exitCode = 2;
}
