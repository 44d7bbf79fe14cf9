import { isKitError } from "@kit/endpoint";
import { type Actor, health, runGroup } from "@kit/lifecycle";
import { levels } from "@kit/log";
import type { Registrar } from "@kit/sd";
import { drainHttp } from "@kit/transport-http";
import { openDatabase } from "./database.ts";
import { addressOf, type Flag, flagsHelp, readFlags, UsageError } from "./flags.ts";
import { profilesHandler } from "./handler.ts";
import { healthHandler } from "./health.ts";
import { listen, type Listening } from "./listen.ts";
import { stderrLogger } from "./logging.ts";
import { openRegistry } from "./registry.ts";
import { profileService } from "./service.ts";

const flagsOfThis = {
  "http-addr": { value: ":8080", help: "where to listen; without a host, this machine only" },
  database: { value: "profiles.db", help: "a file for SQLite, :memory:, or postgres://user:password@host/name" },
  advertise: { value: "", help: "host:port to register, if others must call it elsewhere than where it listens" },
  registry: { value: "", help: "where to register: the URL of a Consul agent, or a directory on this machine" },
} satisfies Record<string, Flag>;

async function main(args: readonly string[]): Promise<number> {
  const flags = readFlags(flagsOfThis, args);
  const { host, port } = addressOf("http-addr", flags["http-addr"]);
  const logger = stderrLogger();
  const log = levels(logger);

  const database = await openDatabase(flags.database, (error) => log.warn("database", { error })).catch(whyNot);
  const probes = health({
    checks: { database: () => database.query("select 1 as one") },
    onFailure: (name, error) => log.warn("not ready", { check: name, error }),
  });
  const handler = profilesHandler(profileService(database), logger, healthHandler(probes));

  let listening: Listening;
  const storage: Actor = { name: "database", phase: "close", stop: () => database.close() };
  const http: Actor = {
    name: "http",
    async start() {
      listening = await listen("http-addr", handler, host, port);
      log.info("listening", { transport: "http", addr: listening.address, database: database.place });
    },
    stop: () => drainHttp(listening.server),
  };
  const actors = [storage, http];
  if (flags.registry !== "") {
    const registry = await openRegistry(flags.registry, (error) => log.warn("discovery", { error }));
    let registrar: Registrar;
    actors.push({
      name: "registration",
      phase: "deregister",
      async start() {
        registrar = registry.registrar({ address: flags.advertise || listening.address });
        await registrar.register().catch((error: Error) => {
          throw new UsageError(`cannot register with ${registry.place}: ${error.message}`);
        });
        log.info("registered", { registry: registry.place });
      },
      async stop() {
        await registrar.close();
        await registry.close();
      },
    });
  }
  const end = await runGroup([...actors, probes]);
  log.info("exit", { reason: end.message });
  if (end.reason === "failed") throw end.error;
  return end.exitCode;
}

function whyNot(error: Error): never {
  if (error instanceof UsageError) throw error;
  const cause = isKitError(error) && error.cause instanceof Error ? error.cause : error;
  throw new UsageError(`cannot open the database: ${cause.message || (cause as NodeJS.ErrnoException).code}`);
}

try {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(`profilesvc: profiles and their addresses, over REST\n\n${flagsHelp(flagsOfThis)}\n`);
  } else {
    const code = await main(args);
    // Cut short, by a second signal or when its time was up: what has not stopped would hold the process.
    if (code !== 0) process.exit(code);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`profilesvc: ${error.message} (--help lists the flags)\n`);
  process.exit(2);
}
