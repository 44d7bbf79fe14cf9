import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { background, type Context } from "@kit/endpoint";
import { type Actor, health, runGroup } from "@kit/lifecycle";
import { levels } from "@kit/log";
import { prometheusMetrics } from "@kit/metrics-prometheus";
import type { Instancer } from "@kit/sd";
import { until } from "@kit/service";
import { drainHttp } from "@kit/transport-http";
import { Registry } from "prom-client";
import { authenticated, authFlags, issueToken } from "./caller.ts";
import { debugHandler } from "./debug.ts";
import { addressOf, duration, type Flag, type FlagValues, positive, readFlags, UsageError } from "./flags.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { makeGateway } from "./gateway.ts";
import { listen, type Listening } from "./listen.ts";
import { levelFlag, logFlags, stderrLogger } from "./logging.ts";
import { recentTraces } from "./recent-traces.ts";
import { openRegistry, registryFlags } from "./registry.ts";
import { playRound } from "./round.ts";
import { faint, say, title } from "./say.ts";
import { openTracing } from "./tracing.ts";

export const serverFlags = {
  "http-addr": { value: ":8000", help: "where to listen; without a host, this machine only" },
  "debug-addr": { value: ":8008", help: "where /debug, /metrics, /healthz and /readyz are" },
  ...registryFlags,
  backends: { value: "", help: "instances to run of each service (default 2 where neither is given, else 0)" },
  "retry-max": { value: "3", help: "attempts at a call, each on another instance" },
  "retry-timeout": { value: "500ms", help: "time for all attempts together" },
  limit: { value: "100", help: "calls a second for each caller, and as many at once" },
  ...authFlags,
  "otlp-url": { value: "", help: "collector of traces, such as http://127.0.0.1:4318/v1/traces" },
  ...logFlags,
  once: { value: false, help: "play a scripted round, tell how it went, and exit" },
} satisfies Record<string, Flag>;

type ServerFlags = FlagValues<typeof serverFlags>;

/** What a scripted round has where nobody said otherwise: any free port, a limit that it can reach, time for a busy machine, and no log between its lines. */
const onceArgs = [
  ...["http", "debug"].map((name) => `--${name}-addr=:0`),
  "--backends=2",
  "--limit=20",
  "--retry-timeout=5s",
  "--log-level=error",
];

/** Runs the gateway, and services behind it where there are none, until it is told to stop, or through one scripted round. */
export async function runServer(entry: string, args: readonly string[]): Promise<number> {
  const { once } = readFlags(serverFlags, args);
  const flags = readFlags(serverFlags, once ? [...onceArgs, ...args] : args);
  const { JWT_SECRET: given } = process.env;
  if (flags["consul-addr"] !== "" || flags["registry-dir"] !== "") return run(entry, flags, given, false);
  const directory = await mkdtemp(join(tmpdir(), "apigateway-"));
  try {
    // On its own, the gateway makes up whatever it lacks.
    const secret = given ?? randomBytes(32).toString("base64url");
    return await run(entry, { ...flags, "registry-dir": directory, backends: flags.backends || "2" }, secret, true);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** How long the instances may take to be found, in ms. */
const findMs = 60_000;

async function run(entry: string, flags: ServerFlags, secret: string | undefined, demo: boolean): Promise<number> {
  const address = addressOf("http-addr", flags["http-addr"]);
  const debugAddress = addressOf("debug-addr", flags["debug-addr"]);
  const attempts = positive("retry-max", flags["retry-max"]);
  const timeoutMs = duration("retry-timeout", flags["retry-timeout"]);
  const limitPerSecond = positive("limit", flags.limit);
  const count = flags.backends === "" ? 0 : Number(flags.backends);
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new UsageError(`--backends must be a whole number, got "${flags.backends}"`);
  }
  const auth = authenticated(flags, secret);

  const logger = stderrLogger("gateway", levelFlag(flags));
  const log = levels(logger);
  const services = await openRegistry(flags, (error) => log.warn("discovery", { error }));
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  const traces = recentTraces();
  const tracing = openTracing("apigateway", flags["otlp-url"], traces);
  const instancers = { addsvc: services.instancer("addsvc"), stringsvc: services.instancer("stringsvc") };
  const gateway = makeGateway({
    instancers,
    authenticated: auth,
    limitPerSecond,
    retry: { attempts, timeoutMs },
    tracer: tracing.tracer,
    logger,
    metrics,
  });
  const instances: Record<string, readonly string[]> = {};
  for (const [service, instancer] of Object.entries(instancers)) {
    instances[service] = [];
    instancer.subscribe((event) => {
      if (event.instances !== undefined) instances[service] = event.instances.map((instance) => instance.address);
    });
  }
  const probes = health({
    checks: {
      // A gateway to one of two services is of use.
      instances() {
        if (Object.values(instances).every((known) => known.length === 0)) throw new Error("no instance is known");
      },
    },
  });
  /** Where a token comes from. Whoever reads the log of a gateway in earnest must not find one in it. */
  const tokenHint = async (): Promise<string> => {
    if (demo) return issueToken("ada", flags["jwt-audience"], secret);
    return flags["jwks-url"] === "" ? "$(npm start --silent -- token)" : "<one of your issuer's>";
  };
  const passedOn = (["consul-addr", "registry-dir", "otlp-url", "log-level"] as const).map(
    (name) => `--${name}=${flags[name]}`,
  );
  const fleet = startFleet(entry, passedOn);

  let listening: Listening;
  let debugging: Listening;
  let right = true;

  const discovery: Actor = {
    name: "discovery",
    phase: "close",
    async stop() {
      await gateway[Symbol.asyncDispose]();
      await Promise.all(Object.values(instancers).map((instancer) => instancer.close()));
      await services.close();
      await metrics.close();
      await tracing.close();
    },
  };
  const backends: Actor = {
    name: "backends",
    phase: "close",
    async start() {
      const all = Array.from({ length: count }, () => [fleet.add("addsvc"), fleet.add("stringsvc")]);
      await Promise.all(all.flat());
    },
    stop: () => fleet.stop(),
  };
  const debug: Actor = {
    name: "debug",
    phase: "close",
    async start() {
      const state = () => ({ instances, traces: traces.reports() });
      debugging = await listen(debugAddress, debugHandler(probes, registry, state));
    },
    stop: () => drainHttp(debugging.server),
  };
  const http: Actor = {
    name: "http",
    async start() {
      listening = await listen(address, gateway.handler);
      log.info("listening", { transport: "http", addr: listening.address });
    },
    stop: () => drainHttp(listening.server),
  };
  const guide: Actor = {
    name: "guide",
    async start() {
      using ctx = background.withTimeout(findMs);
      await Promise.all(Object.values(instancers).map((instancer) => found(instancer, count, ctx))).catch(() => {
        throw new UsageError(`${services.place} does not list ${count} instances after ${findMs / 1_000} s`);
      });
      const token = flags.auth === "none" ? "" : await tokenHint();
      introduce(`http://${listening.address}`, `http://${debugging.address}`, fleet, services.place, token, flags.once);
    },
  };
  if (flags.once) {
    guide.run = async (ctx) => {
      right = await playRound(
        {
          url: `http://${listening.address}`,
          debugUrl: `http://${debugging.address}`,
          fleet,
          limit: Math.ceil(limitPerSecond),
          tokenOf: (subject) => issueToken(subject, flags["jwt-audience"], secret),
          found: (service, wanted) => found(instancers[service], wanted, ctx),
        },
        ctx,
      );
    };
  }

  const end = await runGroup([discovery, backends, debug, http, guide, probes]);
  log.info("exit", { reason: end.message });
  if (end.reason === "failed") throw end.error;
  return right ? end.exitCode : 1;
}

/** Resolves when so many instances are found. */
function found(instancer: Instancer, count: number, ctx: Context): Promise<void> {
  const enough = new Promise<void>((resolve) => {
    instancer.subscribe(({ instances = [] }) => {
      if (instances.length >= count) resolve();
    });
  });
  return until(ctx, enough);
}

function introduce(
  url: string,
  debugUrl: string,
  { members }: Fleet,
  place: string,
  token: string,
  once: boolean,
): void {
  say(`${title("apigateway")}: one address for two services, whose instances come and go`);
  say();
  say(`  gateway      ${url}/addsvc/sum  /addsvc/concat  /stringsvc/uppercase  /stringsvc/count`);
  say(`  operators    ${debugUrl}/debug  /metrics  /healthz  /readyz`);
  for (const { name, address, pid } of members) {
    say(`  ${name.padEnd(12)} ${address}  ${faint(`kill -9 ${pid}: nobody will notice`)}`);
  }
  say(`  registry     ${place}`);
  say();
  if (once) return;
  say("Try:");
  const header = token === "" ? "" : `-H "authorization: Bearer $TOKEN" `;
  if (token !== "") say(`  TOKEN=${token}`);
  say(`  curl ${header}-d '{"a":1,"b":2}' ${url}/addsvc/sum`);
  say(`  curl ${header}-d '{"s":"hello, world"}' ${url}/stringsvc/uppercase`);
  say(`  and look at ${debugUrl}/debug`);
  say();
  say(
    faint(
      "Ctrl-C stops everything, calls in flight finishing first. --help has the flags; --once plays a scripted round.",
    ),
  );
}
