import { fileURLToPath } from "node:url";
import { flagsHelp, UsageError } from "./flags.ts";
import { routingFlags, runRouting } from "./routing/process.ts";
import { say } from "./say.ts";
import { runServer, serverFlags } from "./server.ts";

const usage = `shipping: cargos are booked, routed, handled and tracked

  npm start -- [flags]            the three services, and a stand-in for the routing service
  npm start -- routing [flags]    the stand-in only

Flags:
${flagsHelp(serverFlags)}

Flags of the stand-in:
${flagsHelp(routingFlags)}`;

async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === "--help" || command === "-h" || rest.includes("--help")) {
    say(usage);
    return 0;
  }
  if (command === "routing") return runRouting(rest);
  return runServer(fileURLToPath(import.meta.url), command === undefined ? [] : [command, ...rest]);
}

try {
  const code = await main(process.argv.slice(2));
  // Cut short, by a second signal or when its time was up: what has not stopped would hold the process.
  if (code !== 0) process.exit(code);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`shipping: ${error.message} (--help lists the flags)\n`);
  process.exitCode = 2;
}
