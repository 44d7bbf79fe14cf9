import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { background } from "@kit/endpoint";
import { type Actor, runGroup } from "@kit/lifecycle";
import { levels } from "@kit/log";
import { Add } from "./contract.ts";
import { type Flag, positive, readFlags, UsageError } from "./flags.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { type Gateway, gatewayFlags, makeGateway } from "./gateway.ts";
import { stderrLogger } from "./logging.ts";
import { openRegistry } from "./registry.ts";
import { playRound } from "./round.ts";
import { faint, say, title } from "./say.ts";
import { levelFlag, ttlMs } from "./settings.ts";

export const demoFlags = {
  ...gatewayFlags,
  instances: { value: "3", help: "instances of the service to run" },
  once: { value: false, help: "play a scripted round, tell how it went, and exit" },
} satisfies Record<string, Flag>;

/** What a scripted round has where nobody said otherwise: any free port, a limit that it can reach, time for a busy machine, and no log between its lines. */
const onceArgs = [
  ...["http", "grpc", "thrift", "jsonrpc", "debug"].map((name) => `--${name}-addr=:0`),
  "--concat-limit=10",
  "--sum-limit=1000000",
  "--retry-timeout=5000",
  "--log-level=error",
];

/** Runs instances and a gateway on this machine until it is told to stop, or through one scripted round. */
export async function runDemo(entry: string, args: readonly string[]): Promise<number> {
  const { once } = readFlags(demoFlags, args);
  const flags = readFlags(demoFlags, once ? [...onceArgs, ...args] : args);
  if (flags.registry !== "file" || flags["registry-dir"] !== "") return run(flags, entry);
  const directory = await mkdtemp(join(tmpdir(), "addsvc-"));
  try {
    return await run({ ...flags, "registry-dir": directory }, entry);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** How long the instances may take to be found, in ms: Eureka's own caches are half a minute old at worst. */
const findMs = 60_000;

async function run(flags: DemoFlags, entry: string): Promise<number> {
  const { once } = flags;
  const count = positive("instances", flags.instances);
  const logger = stderrLogger("gateway", levelFlag(flags));
  const log = levels(logger);
  const onError = (error: Error): void => log.warn("discovery", { error });
  const services = await openRegistry(flags, { service: Add.name, ttlMs, onError });
  const passedOn = (["registry", "registry-addr", "registry-dir", "log-level"] as const).map(
    (name) => `--${name}=${flags[name]}`,
  );
  const gateway = makeGateway(flags, services, logger);
  const fleet = startFleet(entry, () => {
    const debug = `http://${gateway.debugAddress()}`;
    const reports = [`--otlp-url=${flags["otlp-url"] || `${debug}/v1/traces`}`, `--history-url=${debug}`];
    // The instances take whatever the gateway lets through: the limits are the gateway's.
    return [...passedOn, ...reports, ...unlimited];
  });
  let right = true;

  const instances: Actor = {
    name: "instances",
    phase: "close",
    start: () => Promise.all(Array.from({ length: count }, () => fleet.add())),
    stop: () => fleet.stop(),
  };
  const guide: Actor = {
    name: "round",
    async start() {
      using ctx = background.withTimeout(findMs);
      await gateway.found(count, ctx).catch(() => {
        throw new UsageError(`${services.place} does not list ${count} instances after ${findMs / 1_000} s`);
      });
      introduce(fleet, gateway, services.place, once);
    },
  };
  if (once) {
    guide.run = async (ctx) => {
      right = await playRound(gateway, fleet, Math.ceil(Number(flags["concat-limit"])), ctx);
    };
  }

  const end = await runGroup([...gateway.actors, instances, guide, gateway.probes]);
  log.info("exit", { reason: end.message });
  if (end.reason === "failed") throw end.error;
  return right ? end.exitCode : 1;
}

type DemoFlags = ReturnType<typeof readFlags<typeof demoFlags>>;

const unlimited = ["--sum-limit", "1000000", "--concat-limit", "1000000"];

function introduce({ members }: Fleet, gateway: Gateway, registry: string, once: boolean): void {
  const debug = gateway.debugAddress();
  say(`${title("addsvc")}: sums and concatenations, by ${members.length} instances behind one gateway`);
  say();
  for (const { name, address } of gateway.wires) say(`  ${name.padEnd(10)} ${address}`);
  say(`  live       http://${debug}/`);
  say(`  debug      http://${debug}/metrics  /healthz  /readyz  /traces  /history`);
  for (const member of members) {
    say(`  ${member.name}   http://${member.address}  ${faint(`kill -9 ${member.pid}: nobody will notice`)}`);
  }
  say(`  registry   ${registry}`);
  say();
  if (once) return;
  const [http, grpc] = gateway.wires.map(({ address }) => address);
  say("Try:");
  say(`  curl -d '{"a":1,"b":2}' ${http}/sum`);
  say(`  curl -d '{"a":"1","b":"2"}' ${http}/concat`);
  say(`  curl -d '{"a":0,"b":0}' ${http}/sum`);
  say(`  npm start -- addcli --grpc-addr ${grpc} 1 2`);
  say(`  curl -s http://${debug}/metrics | grep request_duration_seconds_count`);
  say();
  say(`and watch it on http://${debug}/`);
  say();
  say(
    faint(
      "Ctrl-C stops everything, calls in flight finishing first. --help has the flags; --once plays a scripted round.",
    ),
  );
}
