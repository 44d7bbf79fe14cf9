import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Bench, Course, Plan, Result } from "../bench.ts";
import { childProcesses } from "../child.ts";
import type { ClientQuestion, Look, Pace } from "../soak/client.ts";
import { startFleet } from "../soak/fleet.ts";
import { logSink } from "../soak/log-sink.ts";
import { allMisdeeds } from "../soak/misdeeds.ts";
import { flat, lost, notSlower } from "../soak/verdict.ts";
import type { VillainQuestion } from "../soak/villain.ts";
import { Sum } from "../whole-chain/contract.ts";

const instances = 4;

/** How many calls warm a client up, and how many are a sample, for each ms of the plan's. */
const [warmUpCallsPerMs, sampleCallsPerMs] = [250, 400] as const;

/** In so much of each minute nothing is done to anybody, so that what is seen at its end is comparable. */
const quiet = 0.15;

/** How long the faults last, in ms. */
const [stoppedMs, unlistedMs, cloggedMs, villainMs] = [2_000, 300, 5_000, 1_500] as const;

async function measure(plan: Plan): Promise<Result> {
  const minutes = Math.ceil(plan.minutes);
  /** A smoke test's minute is a few seconds, in which everything happens. */
  const minuteMs = (60_000 * plan.minutes) / minutes;
  const [warmUpCalls, sampleCalls] = [warmUpCallsPerMs * plan.warmUpMs, sampleCallsPerMs * plan.sampleMs];
  const directory = await mkdtemp(join(tmpdir(), "kit-bench-"));
  try {
    const place = join(directory, "registry");
    await mkdir(place);
    using log = await logSink(join(directory, "log"));
    using freshLog = await logSink(join(directory, "fresh-log"));
    await using children = childProcesses();
    const fleet = await startFleet(children, place, instances);
    const villain = children.start<VillainQuestion, number>(new URL("../soak/villain.js", import.meta.url), place);
    let misdeeds = 0;
    let registry: Promise<unknown> = Promise.resolve();

    /** One after another: who registers while the folder vanishes fails, as it should. */
    const inTurn = (happen: () => Promise<unknown>): Promise<unknown> => (registry = registry.then(happen));

    async function startClient(logPath: string) {
      const program = new URL("../soak/client.js", import.meta.url);
      const client = children.start<ClientQuestion, Look & Pace>(program, place, logPath);
      await client.ask({ calls: warmUpCalls });
      return client;
    }

    async function unlist(): Promise<void> {
      const [folder, elsewhere] = [join(place, Sum.name), join(directory, "elsewhere")];
      await rename(folder, elsewhere);
      await pause(unlistedMs);
      // Somebody has made another meanwhile.
      await rm(folder, { recursive: true, force: true });
      await rename(elsewhere, folder);
    }

    const misbehave = () => villain.ask({ misdeed: allMisdeeds[misdeeds++ % allMisdeeds.length]!, ms: villainMs });

    async function clog(): Promise<void> {
      log.clog();
      await pause(cloggedMs);
      log.flow();
    }

    /** What happens, and how long after the last time, in ms. */
    const faults: readonly (readonly [afterMs: number, happen: () => Promise<unknown>])[] = [
      [3_000, () => inTurn(() => fleet.replaceOne())],
      [20_000, () => fleet.stopOne(stoppedMs)],
      [5_000, () => inTurn(misbehave)],
      [20_000, () => inTurn(unlist)],
      [15_000, clog],
    ];

    async function passMinute(): Promise<void> {
      const end = performance.now() + minuteMs;
      const recurring = faults.map(async ([afterMs, happen]) => {
        const pauseMs = Math.min(afterMs, minuteMs / 4);
        while (performance.now() + pauseMs < end - quiet * minuteMs) {
          await pause(pauseMs);
          await happen();
        }
      });
      await Promise.all(recurring);
      await pause(end - performance.now());
    }

    const client = await startClient(log.path);
    await client.ask("look");
    const looks: Look[] = [];
    for (let minute = 1; minute <= minutes; minute += 1) {
      await client.ask("begin");
      await passMinute();
      // A call under way has timers and sockets of its own.
      await client.ask("rest");
      looks.push(await client.ask("look"));
      if (plan.minutes >= 1) console.error(`soak: minute ${minute} of ${minutes} has passed`);
    }

    const fresh = await startClient(freshLog.path);
    // It comes from rest, the other from its warm-up.
    await client.ask({ calls: warmUpCalls });
    const [oldPaces, freshPaces]: [Pace[], Pace[]] = [[], []];
    const turns = [[client, oldPaces] as const, [fresh, freshPaces] as const];
    for (let round = 0; round < plan.starts * plan.rounds; round += 1) {
      for (const [one, paces] of turns) paces.push(await one.ask({ calls: sampleCalls }));
      turns.reverse();
    }
    const nonsense = await villain.ask("nonsense");
    const calls = looks.reduce((sum, look) => sum + look.calls, 0);
    return {
      title: `the whole chain with faults, ${calls} calls in ${minutes} min`,
      costs: {},
      claims: [],
      course: {
        seen: looks.map((look, index) => inFigures(look, index + 1)),
        checks: [...lost(looks, nonsense), ...flat(looks), ...notSlower(oldPaces, freshPaces)],
      },
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function inFigures(look: Look, minute: number): Course["seen"][number] {
  const { calls, wrong, failed, p50Ms, p99Ms, cpuUs, heapBytes, rssBytes, handles, files } = look;
  return {
    minute,
    calls,
    wrong,
    failed: Object.values(failed).reduce((sum, count) => sum + count, 0),
    "p50, ms": p50Ms,
    "p99, ms": p99Ms,
    "CPU a call, µs": cpuUs,
    "heap, MB": heapBytes / 2 ** 20,
    "resident, MB": rssBytes / 2 ** 20,
    handles,
    "open files": files,
  };
}

/** The whole chain while instances are killed, stand still, lie and vanish from the registry, and its log does not get away: what is lost, kept or slowed down. */
export const bench: Bench = [measure];
