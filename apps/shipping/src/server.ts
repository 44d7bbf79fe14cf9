import { type Actor, health, runGroup } from "@kit/lifecycle";
import { levels } from "@kit/log";
import { prometheusMetrics } from "@kit/metrics-prometheus";
import { drainHttp } from "@kit/transport-http";
import { Registry } from "prom-client";
import { accessControl } from "./access-control.ts";
import { debugHandler } from "./debug.ts";
import { openDatabase } from "./database.ts";
import { addressOf, type Flag, readFlags, UsageError } from "./flags.ts";
import { listen, type Listening } from "./listen.ts";
import { levelFlag, logFlags, stderrLogger } from "./logging.ts";
import { playRound } from "./round.ts";
import { routingFlags, type RoutingProcess, startRouting } from "./routing/process.ts";
import { remoteRoutes, type Routes } from "./routing/routes.ts";
import { addSamples } from "./samples.ts";
import { faint, say, title } from "./say.ts";
import { shippingHandler } from "./shipping.ts";
import { databaseStore } from "./store.ts";

const { PORT = "8080", ROUTINGSERVICE_URL = "" } = process.env;

export const serverFlags = {
  "http-addr": { value: `:${PORT}`, help: "where to listen; without a host, this machine only" },
  "service-routing": { value: ROUTINGSERVICE_URL, help: "URL of the routing service (default a stand-in)" },
  "routing-addr": { ...routingFlags["routing-addr"], help: "where the stand-in listens" },
  database: { value: "shipping.db", help: "a file for SQLite, :memory:, or postgres://user:password@host/name" },
  ...logFlags,
  once: { value: false, help: "play a scripted round, tell how it went, and exit" },
} satisfies Record<string, Flag>;

/** What a scripted round has where nobody said otherwise: any free port, nothing left behind, and no log between its lines. */
const onceArgs = ["--http-addr=:0", "--routing-addr=:0", "--database=:memory:", "--log-level=error"];

/** Runs the three contexts, and the stand-in where there is no routing service, until told to stop, or through one scripted round. */
export async function runServer(entry: string, args: readonly string[]): Promise<number> {
  const { once } = readFlags(serverFlags, args);
  const flags = readFlags(serverFlags, once ? [...onceArgs, ...args] : args);
  const address = addressOf("http-addr", flags["http-addr"]);
  const url = flags["service-routing"];
  if (url !== "" && !/^https?:\/\/./.test(url)) {
    throw new UsageError(`--service-routing must be like http://localhost:7878, got "${url}"`);
  }
  if (once && url !== "") throw new UsageError("--once kills the routing service: leave out --service-routing");

  const logger = stderrLogger("shipping", levelFlag(flags));
  const log = levels(logger);
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  const database = await openDatabase(flags.database, (error) => log.warn("database", { error })).catch(whyNot);
  const store = databaseStore(database);
  const probes = health({
    checks: { database: () => database.query("select 1 as one") },
    onFailure: (name, error) => log.warn("not ready", { check: name, error }),
  });
  const startStandIn = (at: string): Promise<RoutingProcess> =>
    startRouting(entry, [`--routing-addr=${at}`, `--log-level=${flags["log-level"]}`]);

  let standIn: RoutingProcess | undefined;
  let routes: Routes;
  let listening: Listening;
  let right = true;

  const storage: Actor = {
    name: "database",
    phase: "close",
    start: () => addSamples(store.cargos),
    stop: () => database.close(),
  };
  const routing: Actor = {
    name: "routing",
    phase: "close",
    async start() {
      if (url === "") standIn = await startStandIn(flags["routing-addr"]);
      routes = remoteRoutes(url || `http://${standIn!.address}`, logger);
    },
    async stop() {
      await routes[Symbol.asyncDispose]();
      await standIn?.stop();
      await metrics.close();
    },
  };
  const http: Actor = {
    name: "http",
    async start() {
      const otherwise = debugHandler(probes, registry, routes.breaker);
      const handler = shippingHandler({ store, routes, logger, metrics, otherwise });
      listening = await listen(address, accessControl(handler));
      log.info("listening", { transport: "http", addr: listening.address });
    },
    stop: () => drainHttp(listening.server),
  };
  const guide: Actor = {
    name: "round",
    async start() {
      introduce(`http://${listening.address}`, url || standIn!, database.place, once);
    },
  };
  if (once) {
    guide.run = async (ctx) => {
      const { breaker } = routes;
      const restart = async (): Promise<void> => {
        standIn = await startStandIn(standIn!.address);
      };
      const kill = (): Promise<void> => standIn!.kill();
      right = await playRound({ url: `http://${listening.address}`, breaker, kill, restart }, ctx);
    };
  }

  const end = await runGroup([storage, routing, http, guide, probes]);
  log.info("exit", { reason: end.message });
  if (end.reason === "failed") throw end.error;
  return right ? end.exitCode : 1;
}

function introduce(url: string, routing: RoutingProcess | string, database: string, once: boolean): void {
  say(`${title("shipping")}: cargos are booked, routed, handled and tracked`);
  say();
  say(`  booking    ${url}/booking/v1/cargos`);
  say(`  tracking   ${url}/tracking/v1/cargos/{id}`);
  say(`  handling   ${url}/handling/v1/incidents`);
  say(`  operators  ${url}/metrics  /healthz  /readyz  /hystrix.stream`);
  if (typeof routing === "string") say(`  routing    ${routing}`);
  else
    say(
      `  routing    http://${routing.address}/paths  ${faint(`kill -9 ${routing.pid}: routes are none, the rest works`)}`,
    );
  say(`  database   ${database}`);
  say();
  if (once) return;
  say("Try:");
  say(`  curl ${url}/booking/v1/cargos/FTL456/request_routes`);
  say(`  curl ${url}/tracking/v1/cargos/FTL456`);
  say(
    `  curl -d '{"completion_time":"2026-12-01T12:00:00Z","tracking_id":"FTL456","location":"AUMEL","event_type":"Receive"}' \\`,
  );
  say(`    ${url}/handling/v1/incidents`);
  say();
  say(
    faint(
      "Ctrl-C stops everything, calls in flight finishing first. --help has the flags; --once plays a scripted round.",
    ),
  );
}

function whyNot(error: Error): never {
  if (error instanceof UsageError) throw error;
  const cause = (error.cause as Error | undefined) ?? error;
  throw new UsageError(`cannot open the database: ${cause.message || (cause as NodeJS.ErrnoException).code}`);
}
