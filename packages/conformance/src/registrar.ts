import { codeOf } from "@kit/endpoint";
import { expect } from "vitest";
import { onSubject, runCases } from "./suite.ts";
import {
  type DiscoveredInstance,
  equals,
  firstList,
  handle,
  type InstancerUnderTest,
  type InstanceTrait,
  leavesNothingRunning,
  type RegistrarUnderTest,
  Subscriber,
  traits,
} from "./discovery.ts";
import { instances } from "./instances.ts";

export type { DiscoveredInstance, DiscoveryEvent, InstancerUnderTest, RegistrarUnderTest } from "./discovery.ts";

/** One service in one registry, which the suite has for itself, without instances at first. */
export interface RegistrarSubject {
  /** A new registrar of an instance of the service. The suite closes it. */
  registrar(instance: DiscoveredInstance): RegistrarUnderTest;
  /** A new instancer of the service, which asks the registry itself when it is made. The suite closes it. */
  instancer(): InstancerUnderTest;
  /** An address that the registry can hold, different for each port. @default (port) => `127.0.0.1:${port}` */
  address?(port: number): string;
  /**
   * Registers the instance as `registrar` does, but in a way that can die without a word, such as a process to be killed. Resolves, once
   * it is registered, to what makes it die. Needed for `expires`.
   */
  mortal?(instance: DiscoveredInstance): Promise<() => Promise<void>>;
  /** How long after its death the registry may still have it, as documented, in ms. Needed for `expires`. */
  readonly expiryMs?: number;
  /** Makes the registry forget all instances. Needed for `recovers`. */
  wipeRegistry?(): Promise<void>;
  /** Makes the registry unreachable. Needed for `outages`. */
  breakRegistry?(): Promise<void>;
  /** Makes it reachable again. Needed for `outages`. */
  healRegistry?(): Promise<void>;
}

/**
 * What a registrar may do or leave, by the nature of its registry:
 * - `weight`, `zone`, `metadata`: the registry can hold it;
 * - `expires`: the registry drops the instance of a process that has died;
 * - `recovers`: the registry can be made to forget, and gets the instance again;
 * - `outages`: the registry can be made unreachable, and a registrar notices.
 */
export type RegistrarCapability = InstanceTrait | "expires" | "recovers" | "outages";

export interface RegistrarSuiteOptions {
  /** `teardown` also heals the registry if a case has left it broken. */
  readonly setup: () => Promise<{ readonly subject: RegistrarSubject; readonly teardown?: () => Promise<void> }>;
  /** `true`, or why not: the case is then skipped with that message. */
  readonly supports: Readonly<Record<RegistrarCapability, true | string>>;
  /** How long a change, an expiry, an outage and its end may take, in ms; nothing waits longer than it must. @default 10000 */
  readonly timeoutMs?: number;
}

export interface RegistrarCase {
  readonly title: string;
  readonly capability?: RegistrarCapability;
  readonly run: (subject: RegistrarSubject, timeoutMs: number) => Promise<void>;
}

/** What every registrar must do, whatever its registry. */
export function testRegistrar(options: RegistrarSuiteOptions): void {
  const { setup, supports, timeoutMs = 10_000 } = options;
  const runOne = async ({ run }: RegistrarCase): Promise<void> =>
    onSubject(await setup(), (subject) => run(subject, timeoutMs));
  runCases("a registrar", registrarCases, supports, runOne, 6 * timeoutMs);
}

/** The suite's cases, as `testRegistrar` runs them. */
export const registrarCases: readonly RegistrarCase[] = [
  {
    title: "has the instance listed, for whoever looks, when register resolves",
    async run(subject, timeoutMs) {
      const [a] = instances(subject, 1);
      await using watching = subject.instancer();
      await using registrar = subject.registrar(a);
      const subscriber = new Subscriber(watching, timeoutMs);
      await subscriber.untilListed();
      await registrar.register();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a]);
      await subscriber.untilListed(a);
    },
  },
  {
    title: "has it listed no more, for whoever looks, when deregister resolves",
    async run(subject, timeoutMs) {
      const [a] = instances(subject, 1);
      await using watching = subject.instancer();
      await using registrar = subject.registrar(a);
      await registrar.register();
      const subscriber = new Subscriber(watching, timeoutMs);
      await subscriber.untilListed(a);
      await registrar.deregister();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([]);
      await subscriber.untilListed();
    },
  },
  {
    title: "registers and deregisters once, however often it is asked",
    async run(subject, timeoutMs) {
      const [a] = instances(subject, 1);
      await using registrar = subject.registrar(a);
      await registrar.deregister();
      await Promise.all([registrar.register(), registrar.register()]);
      await registrar.register();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a]);
      await Promise.all([registrar.deregister(), registrar.deregister()]);
      await registrar.deregister();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([]);
    },
  },
  {
    title: "registers anew after it has deregistered",
    async run(subject, timeoutMs) {
      const [a] = instances(subject, 1);
      await using registrar = subject.registrar(a);
      for (let n = 0; n < 2; n++) {
        await registrar.register();
        expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a]);
        await registrar.deregister();
        expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([]);
      }
    },
  },
  {
    title: "ends up as it was told last, when it is told before it is done",
    async run(subject, timeoutMs) {
      const [a] = instances(subject, 1);
      await using registrar = subject.registrar(a);
      // What is overtaken may reject.
      await Promise.allSettled([registrar.register(), registrar.deregister()]);
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([]);
      await Promise.allSettled([registrar.register(), registrar.deregister(), registrar.register()]);
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a]);
    },
  },
  {
    title: "leaves the other instances of the service alone",
    async run(subject, timeoutMs) {
      const [a, b, c] = instances(subject, 3);
      await using first = subject.registrar(a);
      await using second = subject.registrar(b);
      await using third = subject.registrar(c);
      await Promise.all([first.register(), second.register(), third.register()]);
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a, b, c]);
      await second.deregister();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a, c]);
      await first.close();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([c]);
    },
  },
  ...(["weight", "zone", "metadata"] as const).map(handsOn),
  {
    title: "deregisters within a second when it is closed, however often, and registers no more",
    async run(subject, timeoutMs) {
      const [a] = instances(subject, 1);
      await using registrar = subject.registrar(a);
      await registrar.register();
      await using watching = subject.instancer();
      const subscriber = new Subscriber(watching, timeoutMs);
      await subscriber.untilListed(a);
      const began = performance.now();
      await Promise.all([registrar.close(), registrar.close()]);
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([]);
      await subscriber.untilListed();
      expect(performance.now() - began).toBeLessThan(1_000);
      await registrar.close();
      expect(await codeOfRejection(registrar.register())).toBe("failed_precondition");
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([]);
    },
  },
  {
    title: "keeps its instance listed while that of a process that died expires",
    capability: "expires",
    async run(subject, timeoutMs) {
      const [a, b] = instances(subject, 2);
      const mortal = handle("testRegistrar", "mortal", subject.mortal?.bind(subject));
      const expiryMs = handle("testRegistrar", "expiryMs", subject.expiryMs);
      await using watching = subject.instancer();
      await using registrar = subject.registrar(a);
      const subscriber = new Subscriber(watching, timeoutMs);
      await registrar.register();
      const die = await mortal(b);
      await subscriber.untilListed(a, b);
      const heard = subscriber.lists.length;
      await die();
      const died = performance.now();
      await subscriber.untilListed(a);
      expect(performance.now() - died).toBeLessThan(expiryMs + leewayMs);
      expect(subscriber.lists.slice(heard)).toEqual([[a.address]]);
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a]);
    },
  },
  {
    title: "registers again when the registry has lost its instance",
    capability: "recovers",
    async run(subject, timeoutMs) {
      const [a] = instances(subject, 1);
      const wipeRegistry = handle("testRegistrar", "wipeRegistry", subject.wipeRegistry?.bind(subject));
      await using registrar = subject.registrar(a);
      await registrar.register();
      await wipeRegistry();
      await using watching = subject.instancer();
      const told = await new Subscriber(watching, timeoutMs).untilListed(a);
      expect(told.instances).toEqual([a]);
      await registrar.deregister();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([]);
    },
  },
  {
    title: "rejects while the registry is away, and registers when it is there and asked again",
    capability: "outages",
    async run(subject, timeoutMs) {
      const { breakRegistry, healRegistry } = outage(subject);
      const [a] = instances(subject, 1);
      await breakRegistry();
      await using registrar = subject.registrar(a);
      const code = await codeOfRejection(registrar.register());
      expect(["unavailable", "deadline_exceeded", "permission_denied"]).toContain(code);
      await healRegistry();
      await registrar.register();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a]);
    },
  },
  {
    title: "has its instance listed after an outage",
    capability: "outages",
    async run(subject, timeoutMs) {
      const { breakRegistry, healRegistry } = outage(subject);
      const [a] = instances(subject, 1);
      await using watching = subject.instancer();
      await using registrar = subject.registrar(a);
      await registrar.register();
      const subscriber = new Subscriber(watching, timeoutMs);
      await subscriber.untilListed(a);
      await breakRegistry();
      await subscriber.untilFailed();
      await healRegistry();
      await subscriber.until("the instance again", (event) => equals(event.instances, [a]));
      await registrar.deregister();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([]);
    },
  },
  {
    title: "closes while the registry is away, without a rejection",
    capability: "outages",
    async run(subject) {
      const { breakRegistry } = outage(subject);
      const [a] = instances(subject, 1);
      await using registrar = subject.registrar(a);
      await registrar.register();
      await breakRegistry();
      expect(await codeOfRejection(registrar.close())).toBe("none");
    },
  },
  {
    title: "leaves nothing running when it is closed",
    async run(subject, timeoutMs) {
      const [a] = instances(subject, 1);
      await leavesNothingRunning(async () => {
        await using registrar = subject.registrar(a);
        await registrar.register();
      }, timeoutMs);
    },
  },
];

/** What a busy machine may add, in ms. */
const leewayMs = 1_000;

/**
 * What a subject's `set` can be, for a registry that is written by registrars: keeps a registrar for each instance, until the list no longer has it.
 */
export function registrarSet(registrar: (instance: DiscoveredInstance) => RegistrarUnderTest): {
  set(instances: readonly DiscoveredInstance[]): Promise<void>;
  close(): Promise<void>;
} {
  const kept = new Map<string, RegistrarUnderTest>();
  async function set(list: readonly DiscoveredInstance[]): Promise<void> {
    const wanted = new Map(list.map((one) => [JSON.stringify(one), one]));
    const gone = Array.from(kept).filter(([key]) => !wanted.has(key));
    for (const [key] of gone) kept.delete(key);
    // First, since one that says something new of its address takes the place of the old one.
    await inParallel(gone, ([, one]) => one.close());
    const missing = Array.from(wanted).filter(([key]) => !kept.has(key));
    const added = missing.map(([key, one]) => [key, registrar(one)] as const);
    for (const [key, one] of added) kept.set(key, one);
    await inParallel(added, ([, one]) => one.register());
  }
  return { set, close: () => set([]) };
}

/** Some at a time: a server may refuse a client that has a thousand connections. */
async function inParallel<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  const work = async (): Promise<void> => {
    for (const item of left) await act(item);
  };
  await Promise.all(Array.from({ length: 20 }, work));
}

function handsOn(trait: InstanceTrait): RegistrarCase {
  return {
    title: `hands on the ${trait} of the instance`,
    capability: trait,
    async run(subject, timeoutMs) {
      const [plain] = instances(subject, 1);
      const a = { ...plain, ...traits[trait][0] };
      await using registrar = subject.registrar(a);
      await registrar.register();
      expect(await firstList(() => subject.instancer(), timeoutMs)).toEqual([a]);
    },
  };
}

function outage(subject: RegistrarSubject): { breakRegistry: () => Promise<void>; healRegistry: () => Promise<void> } {
  return {
    breakRegistry: handle("testRegistrar", "breakRegistry", subject.breakRegistry?.bind(subject)),
    healRegistry: handle("testRegistrar", "healRegistry", subject.healRegistry?.bind(subject)),
  };
}

function codeOfRejection(promise: Promise<void>): Promise<string> {
  return promise.then(() => "none", codeOf);
}
