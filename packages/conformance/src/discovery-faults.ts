import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isKitError } from "@kit/endpoint";
import { afterAll, beforeAll, describe, expect } from "vitest";
import {
  type DiscoveredInstance,
  handle,
  type InstancerUnderTest,
  leavesNothingRunning,
  type RegistrarUnderTest,
  Subscriber,
} from "./discovery.ts";
import { instances } from "./instances.ts";
import { onSubject, runCases } from "./suite.ts";

export type { DiscoveredInstance, DiscoveryEvent, InstancerUnderTest, RegistrarUnderTest } from "./discovery.ts";

/** One service in one registry, whose server and network the suite has for itself. Each fault is ended before the next one begins. */
export interface DiscoveryFaultsSubject {
  /** A new instancer of the service, whose network `network` is. The suite closes it. */
  instancer(): InstancerUnderTest;
  /** A new registrar of an instance of the service, whose network `network` is. The suite closes it. Needed for `registers`; without it the other cases do without. */
  registrar?(instance: DiscoveredInstance): RegistrarUnderTest;
  /**
   * Makes the registry hold exactly these instances, past `network`, beside those of `registrar`; they do not expire. Resolves when it does. It is asked for one change
   * a hundred times a second.
   */
  set(instances: readonly DiscoveredInstance[]): Promise<void>;
  /** An address that the registry can hold, different for each port. @default (port) => `127.0.0.1:${port}` */
  address?(port: number): string;
  readonly server: {
    /** As SIGKILL does. */
    kill(): Promise<void>;
    /** Starts it at the same place; resolves when it serves. */
    restart(options?: { /** Without its data. @default false */ readonly wipe?: boolean }): Promise<void>;
    /** As SIGSTOP does: connections stay open, nobody answers. */
    pause(): void;
    /** As SIGCONT does. */
    resume(): void;
  };
  /** What lies between the server and what `instancer` and `registrar` make. */
  readonly network: {
    /** From now on everything is dropped, either way, and nobody is told. */
    cut(): void;
    /** From now on answers are nonsense. */
    garble(): void;
    /** Ends both. */
    heal(): void;
  };
}

/**
 * What an adapter may leave, by the nature of its registry:
 * - `registers`: it has registrars;
 * - `keepsData`: its server has its data after it was killed and restarted.
 */
export type DiscoveryFaultsCapability = "registers" | "keepsData";

/** How long the faults are, and how long they may be felt. */
export interface DiscoveryFaultsPatience {
  /**
   * How long a fault may go unnoticed, and how long recovery may take after its end, in ms: the backoff and the intervals that the adapter documents, and some time for a
   * busy machine.
   */
  readonly timeoutMs: number;
  /** How long the server is stopped, in ms. */
  readonly stopMs: number;
  /** How long there are a hundred changes a second, in ms. */
  readonly changesMs: number;
}

export interface DiscoveryFaultsSuiteOptions {
  /** Runs twice at a time at most. */
  readonly setup: () => Promise<{ readonly subject: DiscoveryFaultsSubject; readonly teardown?: () => Promise<void> }>;
  /** `true`, or why not: the case is then skipped with that message. */
  readonly supports: Readonly<Record<DiscoveryFaultsCapability, true | string>>;
  /** See {@link DiscoveryFaultsPatience}. @default 30000, three times the longest backoff of `@kit/sd` */
  readonly timeoutMs?: number;
  /** See {@link DiscoveryFaultsPatience}. @default 30000 */
  readonly stopMs?: number;
  /** See {@link DiscoveryFaultsPatience}. @default 10000 */
  readonly changesMs?: number;
}

export interface DiscoveryFaultsCase {
  readonly title: string;
  readonly capability?: DiscoveryFaultsCapability;
  readonly run: (subject: DiscoveryFaultsSubject, patience: DiscoveryFaultsPatience) => Promise<void>;
}

/**
 * What every instancer and registrar must do whose registry fails. The longest case, a server that is stopped, runs beside the others on a subject of its own. A thousand
 * instances and a process that dies are cases of `testInstancer` and `testRegistrar`.
 */
export function testDiscoveryFaults(options: DiscoveryFaultsSuiteOptions): void {
  const { setup, supports, timeoutMs = 30_000, stopMs = 30_000, changesMs = 10_000 } = options;
  const runOne = async ({ run }: DiscoveryFaultsCase): Promise<void> =>
    onSubject(await setup(), (subject) => run(subject, { timeoutMs, stopMs, changesMs }));
  const [longest, last] = discoveryFaultsCases.slice(-2) as [DiscoveryFaultsCase, DiscoveryFaultsCase];
  describe("a registry that fails", () => {
    let beside: Promise<void> | undefined;
    beforeAll(() => {
      beside = runOne(longest);
      // Its own case tells.
      beside.catch(() => {});
    });
    afterAll(() => beside?.catch(() => {}));
    const runInTurn = async (one: DiscoveryFaultsCase): Promise<void> => {
      // The last one counts what runs in this process.
      if (one === last) await beside!.catch(() => {});
      await (one === longest ? beside : runOne(one));
      expect(beside).toBeDefined();
    };
    runCases("its instancer", discoveryFaultsCases, supports, runInTurn, 20 * timeoutMs + stopMs);
  });
}

interface Fault {
  begin(subject: DiscoveryFaultsSubject): void | Promise<void>;
  end(subject: DiscoveryFaultsSubject): void | Promise<void>;
}

const killed: Fault = { begin: ({ server }) => server.kill(), end: ({ server }) => server.restart() };
const wiped: Fault = { begin: ({ server }) => server.kill(), end: ({ server }) => server.restart({ wipe: true }) };
const stopped: Fault = { begin: ({ server }) => server.pause(), end: ({ server }) => server.resume() };
const cut: Fault = { begin: ({ network }) => network.cut(), end: ({ network }) => network.heal() };
const garbled: Fault = { begin: ({ network }) => network.garble(), end: ({ network }) => network.heal() };

const cases: readonly DiscoveryFaultsCase[] = [
  {
    title: "keeps its list while the server is killed, and goes on when that is back with its data",
    capability: "keepsData",
    run: (subject, patience) => survives(killed, subject, patience),
  },
  {
    title:
      "keeps its list while the server is killed, and has it again when everybody has registered with one without data",
    capability: "registers",
    async run(subject, patience) {
      const make = handle("testDiscoveryFaults", "registrar", subject.registrar?.bind(subject));
      const list = instances(subject, 3);
      await using instancer = subject.instancer();
      const registrars = list.map((instance) => make(instance));
      try {
        await Promise.all(registrars.map((registrar) => registrar.register()));
        await outlasts({ fault: wiped, subject, instancer, list, lasting: [] }, patience);
        await Promise.all(registrars.map((registrar) => registrar.deregister()));
        await new Subscriber(instancer, patience.timeoutMs).untilListed();
      } finally {
        await Promise.all(registrars.map((registrar) => registrar.close()));
      }
    },
  },
  {
    title: "keeps its list while the network drops everything, and goes on when it is healed",
    run: (subject, patience) => survives(cut, subject, patience),
  },
  {
    title: "keeps its list while answers are nonsense, and goes on when they make sense again",
    run: (subject, patience) => survives(garbled, subject, patience),
  },
  {
    title: "follows a hundred changes a second to the last, and needs no more memory for that",
    async run(subject, { timeoutMs, changesMs }) {
      const all = instances(subject, 100);
      const held = new Set(all.slice(0, 50));
      await subject.set([...held]);
      await using instancer = subject.instancer();
      const listed = (): Promise<unknown> => untilListedNow(instancer, timeoutMs, [...held]);
      await listed();
      const count = changesMs / 10;
      const start = performance.now();
      let before = NaN;
      for (let n = 0; n < count; n++) {
        const changing = all[(n * 37) % all.length]!;
        if (!held.delete(changing)) held.add(changing);
        await subject.set([...held]);
        await delay(start + (n + 1) * 10 - performance.now());
        // By then the driver has what it keeps from its first use on, and the engine has compiled most of it.
        if (n !== Math.floor(count / 4)) continue;
        await listed();
        before = usedBytes();
      }
      await listed();
      expect(usedBytes() - before).toBeLessThan(maxGrowthBytes);
    },
  },
  {
    title: "keeps its list while the server is stopped for long, and goes on when that continues",
    run: (subject, patience) => survives({ ...stopped, lastsMs: patience.stopMs }, subject, patience),
  },
  {
    title: "leaves nothing running when it is closed amid a fault",
    async run(subject, { timeoutMs }) {
      const [a, b] = instances(subject, 2);
      const closesAmid = async (fault: Fault, notices: boolean): Promise<void> => {
        await using instancer = subject.instancer();
        await using registrar = subject.registrar?.(b);
        await registrar?.register();
        await untilListedNow(instancer, timeoutMs, registrar ? [a, b] : [a]);
        await fault.begin(subject);
        try {
          if (notices) await new Subscriber(instancer, timeoutMs).untilFailed();
          await Promise.all([instancer.close(), registrar?.close()]);
        } finally {
          await fault.end(subject);
        }
      };
      const closesAmidAll = async (): Promise<void> => {
        await subject.set([a]);
        await closesAmid(stopped, false);
        await closesAmid(cut, false);
        await closesAmid(garbled, true);
        await closesAmid(killed, true);
        await subject.set([]);
      };
      await leavesNothingRunning(closesAmidAll, timeoutMs, 1);
    },
  },
];

/** The suite's cases, as `testDiscoveryFaults` runs them. */
export const discoveryFaultsCases: readonly DiscoveryFaultsCase[] = cases.map(({ run, ...one }) => ({
  ...one,
  run: (subject, patience) => undisturbed(() => run(subject, patience)),
}));

/** A list of what is set, which must be told throughout, and of what a registrar keeps, which may expire meanwhile and come back. */
async function survives(
  fault: Fault & { readonly lastsMs?: number },
  subject: DiscoveryFaultsSubject,
  patience: DiscoveryFaultsPatience,
): Promise<void> {
  const [a, b, c, d] = instances(subject, 4);
  await subject.set([a, b]);
  await using instancer = subject.instancer();
  await using registrar = subject.registrar?.(c);
  await registrar?.register();
  const registered = registrar === undefined ? [] : [c];
  await outlasts({ fault, subject, instancer, list: [a, b, ...registered], lasting: [a, b] }, patience);
  await subject.set([a, b, d]);
  await untilListedNow(instancer, patience.timeoutMs, [a, b, d, ...registered]);
}

interface Outlasting {
  readonly fault: Fault & { readonly lastsMs?: number };
  readonly subject: DiscoveryFaultsSubject;
  readonly instancer: InstancerUnderTest;
  /** What is told before and after. */
  readonly list: readonly DiscoveredInstance[];
  /** Those of them that may not be missing for a moment. */
  readonly lasting: readonly DiscoveredInstance[];
}

async function outlasts(
  { fault, subject, instancer, list, lasting }: Outlasting,
  { timeoutMs }: DiscoveryFaultsPatience,
): Promise<void> {
  const subscriber = new Subscriber(instancer, timeoutMs);
  await subscriber.untilListed(...list);
  const addresses = subscriber.lists.at(-1)!;
  const before = subscriber.lists.length;
  const began = performance.now();
  await fault.begin(subject);
  try {
    const { error } = await subscriber.untilFailed();
    expect(isKitError(error)).toBe(true);
    await delay(began + (fault.lastsMs ?? 0) - performance.now());
    expect(instancer.status.state).toBe("stale");
    // Also whoever comes now.
    const late = new Subscriber(instancer, timeoutMs);
    expect(late.lists).toEqual([addresses]);
    late.leave();
    for (const told of subscriber.lists.slice(before)) expect(told).toEqual(addresses);
  } finally {
    await fault.end(subject);
  }
  await subscriber.untilListed(...list);
  expect(instancer.status.state).toBe("fresh");
  for (const told of subscriber.lists.slice(before)) {
    expect(told).toEqual([...new Set(told)]);
    expect(told).toEqual(expect.arrayContaining(lasting.map(({ address }) => address)));
    expect(addresses).toEqual(expect.arrayContaining(told));
  }
  subscriber.leave();
}

/** As a subscriber that comes now is told. */
async function untilListedNow(
  instancer: InstancerUnderTest,
  timeoutMs: number,
  list: readonly DiscoveredInstance[],
): Promise<void> {
  const subscriber = new Subscriber(instancer, timeoutMs);
  await subscriber.untilListed(...list);
  subscriber.leave();
}

/** Fails also when a promise is rejected that nobody awaits, or listeners pile up. */
async function undisturbed(run: () => Promise<void>): Promise<void> {
  const disturbances: unknown[] = [];
  const note = (disturbance: unknown): void => void disturbances.push(disturbance);
  const noteLeak = (warning: Error): void => {
    if (warning.name === "MaxListenersExceededWarning") note(warning);
  };
  process.on("unhandledRejection", note).on("warning", noteLeak);
  try {
    await run();
    await new Promise((resolve) => void setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", note).off("warning", noteLeak);
  }
  expect(disturbances).toEqual([]);
}

/**
 * What the driver and the engine may need more, in bytes, for the last three quarters of a thousand changes. What is kept for each of them would have to be smaller than any
 * registry's answer with fifty instances.
 */
const maxGrowthBytes = 8 * 2 ** 20;

function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
