import { fileURLToPath } from "node:url";
import { addcliFlags, runAddcli } from "./addcli.ts";
import { demoFlags, runDemo } from "./demo.ts";
import { flagsHelp, UsageError } from "./flags.ts";
import { instanceFlags, runInstance } from "./instance.ts";
import { say } from "./say.ts";

const usage = `addsvc: a service with everything around it

  npm start -- [flags]                  instances and a gateway on this machine
  npm start -- instance [flags]         one instance only
  npm start -- addcli [flags] <a> <b>   one call

Flags:
${flagsHelp(demoFlags)}

Flags of an instance:
${flagsHelp(instanceFlags)}

Flags of addcli:
${flagsHelp(addcliFlags)}`;

async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === "--help" || command === "-h" || rest.includes("--help")) {
    say(usage);
    return 0;
  }
  if (command === "addcli") return runAddcli(rest);
  if (command === "instance") return runInstance(rest);
  return runDemo(fileURLToPath(import.meta.url), command === undefined ? [] : [command, ...rest]);
}

try {
  const code = await main(process.argv.slice(2));
  // Cut short, by a second signal or when its time was up: what has not stopped would hold the process.
  if (code !== 0) process.exit(code);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`addsvc: ${error.message} (--help lists the flags)\n`);
  process.exitCode = 2;
}
