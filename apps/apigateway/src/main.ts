import { fileURLToPath } from "node:url";
import { backendFlags, type BackendName, backends, runBackend } from "./backend.ts";
import { authFlags, issueToken } from "./caller.ts";
import { type Flag, flagsHelp, readFlags, UsageError } from "./flags.ts";
import { say } from "./say.ts";
import { runServer, serverFlags } from "./server.ts";

const tokenFlags = {
  subject: { value: "ada", help: "whose token" },
  "jwt-audience": authFlags["jwt-audience"],
} satisfies Record<string, Flag>;

const usage = `apigateway: one address for two services, whose instances come and go

  npm start -- [flags]              the gateway, and services behind it where no registry is given
  npm start -- addsvc [flags]       one instance of a little addsvc
  npm start -- stringsvc [flags]    one instance of a little stringsvc
  npm start -- token [flags]        a token, signed with the secret in JWT_SECRET, good for an hour

Flags:
${flagsHelp(serverFlags)}

Flags of an instance:
${flagsHelp(backendFlags)}

Flags of token:
${flagsHelp(tokenFlags)}`;

async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === "--help" || command === "-h" || rest.includes("--help")) {
    say(usage);
    return 0;
  }
  if (command === "token") {
    const { subject, "jwt-audience": audience } = readFlags(tokenFlags, rest);
    say(await issueToken(subject, audience, process.env["JWT_SECRET"]));
    return 0;
  }
  if (command !== undefined && Object.hasOwn(backends, command)) return runBackend(command as BackendName, rest);
  return runServer(fileURLToPath(import.meta.url), command === undefined ? [] : [command, ...rest]);
}

try {
  const code = await main(process.argv.slice(2));
  // Cut short, by a second signal or when its time was up: what has not stopped would hold the process.
  if (code !== 0) process.exit(code);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`apigateway: ${error.message} (--help lists the flags)\n`);
  process.exitCode = 2;
}
