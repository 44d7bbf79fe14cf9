import { isKitError } from "@kit/endpoint";
import { expect, vi } from "vitest";
import { onSubject, runCases } from "./suite.ts";
import {
  type DiscoveredInstance,
  firstList,
  handle,
  type InstancerUnderTest,
  type InstanceTrait,
  leavesNothingRunning,
  Subscriber,
  traits,
} from "./discovery.ts";
import { instance, instances } from "./instances.ts";

export type { DiscoveredInstance, DiscoveryEvent, InstancerUnderTest } from "./discovery.ts";

/** One service in one registry, which the suite has for itself, without instances at first. */
export interface InstancerSubject {
  /** A new instancer of the service. The suite closes it. */
  instancer(): InstancerUnderTest;
  /** Makes the registry hold exactly these instances, by whatever means, and resolves when it does. */
  set(instances: readonly DiscoveredInstance[]): Promise<void>;
  /** An address that the registry can hold, different for each port. @default (port) => `127.0.0.1:${port}` */
  address?(port: number): string;
  /** Makes the registry unreachable, in a way that an instancer can find out within the suite's `timeoutMs`. Needed for `outages`. */
  breakRegistry?(): Promise<void>;
  /** Makes it reachable again, with the instances it had. Needed for `outages`. */
  healRegistry?(): Promise<void>;
}

/**
 * What an instancer may do or leave, by the nature of its registry:
 * - `weight`, `zone`, `metadata`: the registry can hold it;
 * - `thousand`: the registry can hold a thousand instances of one service;
 * - `outages`: the registry can be made unreachable, and an instancer notices.
 */
export type InstancerCapability = InstanceTrait | "thousand" | "outages";

export interface InstancerSuiteOptions {
  /** `teardown` also heals the registry if a case has left it broken. */
  readonly setup: () => Promise<{ readonly subject: InstancerSubject; readonly teardown?: () => Promise<void> }>;
  /** `true`, or why not: the case is then skipped with that message. */
  readonly supports: Readonly<Record<InstancerCapability, true | string>>;
  /** How long a change, an outage and its end may take to be told, in ms; nothing waits longer than it must. @default 10000 */
  readonly timeoutMs?: number;
}

export interface InstancerCase {
  readonly title: string;
  readonly capability?: InstancerCapability;
  readonly run: (subject: InstancerSubject, timeoutMs: number) => Promise<void>;
}

/** What every instancer must do, whatever the registry that it watches. */
export function testInstancer(options: InstancerSuiteOptions): void {
  const { setup, supports, timeoutMs = 10_000 } = options;
  const runOne = async ({ run }: InstancerCase): Promise<void> =>
    onSubject(await setup(), (subject) => run(subject, timeoutMs));
  runCases("an instancer", instancerCases, supports, runOne, 6 * timeoutMs);
}

/** The suite's cases, as `testInstancer` runs them. */
export const instancerCases: readonly InstancerCase[] = [
  {
    title: "tells the list to whoever subscribes, at once when it has one",
    async run(subject, timeoutMs) {
      const [a, b] = instances(subject, 2);
      await subject.set([a, b]);
      await using instancer = subject.instancer();
      await new Subscriber(instancer, timeoutMs).untilListed(a, b);
      expect(new Subscriber(instancer, timeoutMs).lists).toEqual([[a.address, b.address]]);
    },
  },
  {
    title: "tells an empty list when the service has no instances",
    async run(subject, timeoutMs) {
      await using instancer = subject.instancer();
      await new Subscriber(instancer, timeoutMs).untilListed();
      expect(instancer.status.state).toBe("fresh");
    },
  },
  {
    title: "follows the instances that come and go",
    async run(subject, timeoutMs) {
      const [a, b, c, d] = instances(subject, 4);
      await using instancer = subject.instancer();
      const [early, late] = [new Subscriber(instancer, timeoutMs), new Subscriber(instancer, timeoutMs)];
      for (const list of [[], [a, b], [a, b, c], [d], [a, b, c, d], []]) {
        await subject.set(list);
        await Promise.all([early.untilListed(...list), late.untilListed(...list)]);
      }
      expect(early.lists.at(-1)).toEqual([]);
    },
  },
  {
    title: "tells lists that are sorted by address and have none twice",
    async run(subject, timeoutMs) {
      const list = [9_000, 10_000, 900, 1_000, 80].map((port) => instance(subject, port));
      await using instancer = subject.instancer();
      const subscriber = new Subscriber(instancer, timeoutMs);
      for (let count = 1; count <= list.length; count++) {
        await subject.set(list.slice(0, count));
        await subscriber.untilListed(...list.slice(0, count));
      }
      for (const told of subscriber.lists) expect(told).toEqual([...new Set(told)].toSorted());
    },
  },
  {
    title: "tells no list twice in a row",
    async run(subject, timeoutMs) {
      const [a, b] = instances(subject, 2);
      await using instancer = subject.instancer();
      const subscriber = new Subscriber(instancer, timeoutMs);
      for (const list of [[a], [a], [a, b], [b, a], [b]]) {
        await subject.set(list);
        await subscriber.untilListed(...list);
        // Nothing may be told of a change that is none; what another instancer is told shows that it has been made.
        await firstList(() => subject.instancer(), timeoutMs);
      }
      const repeated = subscriber.lists.filter((list, n, lists) => String(list) === String(lists[n - 1]));
      expect(repeated).toEqual([]);
    },
  },
  {
    title: "tells lists that one subscriber cannot spoil for the others",
    async run(subject, timeoutMs) {
      const [a, b] = instances(subject, 2);
      await subject.set([a]);
      await using instancer = subject.instancer();
      const { instances: list } = await new Subscriber(instancer, timeoutMs).untilListed(a);
      for (const spoil of [
        () => (list as DiscoveredInstance[]).push(b),
        () => Object.assign(list![0]!, { address: b.address }),
      ]) {
        try {
          spoil();
        } catch {
          // A list may as well be frozen.
        }
      }
      expect(new Subscriber(instancer, timeoutMs).last?.instances).toEqual([a]);
    },
  },
  ...(["weight", "zone", "metadata"] as const).map(tellsTrait),
  {
    title: "says that its list is fresh, and since when",
    async run(subject, timeoutMs) {
      const before = Date.now();
      await using instancer = subject.instancer();
      expect(["pending", "fresh"]).toContain(instancer.status.state);
      await new Subscriber(instancer, timeoutMs).untilListed();
      expect(instancer.status.state).toBe("fresh");
      expect(instancer.status.error).toBeUndefined();
      expect(instancer.status.since).toBeGreaterThanOrEqual(before);
      expect(instancer.status.since).toBeLessThanOrEqual(Date.now());
    },
  },
  {
    title: "keeps its list through an outage, says that it is stale and why, and is fresh again afterwards",
    capability: "outages",
    async run(subject, timeoutMs) {
      const { breakRegistry, healRegistry } = outage(subject);
      const [a, b] = instances(subject, 2);
      await subject.set([a]);
      await using instancer = subject.instancer();
      const subscriber = new Subscriber(instancer, timeoutMs);
      await subscriber.untilListed(a);

      await breakRegistry();
      const { error } = await subscriber.untilFailed();
      expect(isKitError(error)).toBe(true);
      expect(instancer.status).toMatchObject({ state: "stale", error });
      expect(subscriber.lists.at(-1)).toEqual([a.address]);
      const late = new Subscriber(instancer, timeoutMs);
      expect(late.events.map((event) => event.error ?? event.instances)).toEqual([[a], error]);

      await healRegistry();
      await subscriber.untilListed(a);
      expect(instancer.status.state).toBe("fresh");
      await subject.set([a, b]);
      await subscriber.untilListed(a, b);
    },
  },
  {
    title: "says that it is failing when it never had a list, and has one when the registry is there",
    capability: "outages",
    async run(subject, timeoutMs) {
      const { breakRegistry, healRegistry } = outage(subject);
      const [a] = instances(subject, 1);
      await subject.set([a]);
      await breakRegistry();
      await using instancer = subject.instancer();
      const subscriber = new Subscriber(instancer, timeoutMs);
      const { error } = await subscriber.untilFailed();
      expect(instancer.status).toMatchObject({ state: "failing", error });
      expect(subscriber.lists).toEqual([]);
      await healRegistry();
      await subscriber.untilListed(a);
      expect(instancer.status.state).toBe("fresh");
    },
  },
  {
    title: "tells nothing more to who has left, and goes on for the others",
    async run(subject, timeoutMs) {
      const [a, b] = instances(subject, 2);
      await subject.set([a]);
      await using instancer = subject.instancer();
      const [leaving, staying] = [new Subscriber(instancer, timeoutMs), new Subscriber(instancer, timeoutMs)];
      await Promise.all([leaving.untilListed(a), staying.untilListed(a)]);
      const heard = leaving.events.length;
      leaving.leave();
      leaving.leave();
      await subject.set([a, b]);
      await staying.untilListed(a, b);
      expect(leaving.events).toHaveLength(heard);
    },
  },
  {
    title: "tells nothing more once it is closed, however often, while the others go on",
    async run(subject, timeoutMs) {
      const [a, b] = instances(subject, 2);
      await subject.set([a]);
      await using closing = subject.instancer();
      await using staying = subject.instancer();
      const [deaf, subscriber] = [new Subscriber(closing, timeoutMs), new Subscriber(staying, timeoutMs)];
      await Promise.all([deaf.untilListed(a), subscriber.untilListed(a)]);
      const heard = deaf.events.length;
      await Promise.all([closing.close(), closing.close()]);
      await closing.close();
      await subject.set([a, b]);
      await subscriber.untilListed(a, b);
      await subject.set([b]);
      await subscriber.untilListed(b);
      expect(deaf.events).toHaveLength(heard);
      expect(new Subscriber(closing, timeoutMs).events).toEqual([]);
    },
  },
  {
    title: "can be closed by a listener, and then tells the others nothing more",
    async run(subject, timeoutMs) {
      const [a, b] = instances(subject, 2);
      await using closing = subject.instancer();
      await using staying = subject.instancer();
      const [first, clock] = [new Subscriber(closing, timeoutMs), new Subscriber(staying, timeoutMs)];
      await Promise.all([first.untilListed(), clock.untilListed()]);
      let closed: Promise<void> | undefined;
      let heard = NaN;
      closing.subscribe(({ instances: list }) => {
        // Any list with instances: one that is asked for at intervals may miss the first.
        if (closed !== undefined || !list?.length) return;
        heard = first.events.length + last.events.length;
        closed = closing.close();
      });
      const last = new Subscriber(closing, timeoutMs);
      for (const list of [[a], [a, b]]) {
        await subject.set(list);
        await clock.untilListed(...list);
      }
      await vi.waitUntil(() => closed !== undefined, { timeout: timeoutMs });
      await closed;
      expect(first.events.length + last.events.length).toBe(heard);
    },
  },
  {
    title: "closes before it has a list",
    async run(subject, timeoutMs) {
      const instancer = subject.instancer();
      const closed = instancer.close();
      const { events } = new Subscriber(instancer, timeoutMs);
      await closed;
      expect(events).toEqual([]);
    },
  },
  {
    title: "closes while the registry is away",
    capability: "outages",
    async run(subject, timeoutMs) {
      const { breakRegistry } = outage(subject);
      await using lasting = subject.instancer();
      await new Subscriber(lasting, timeoutMs).untilListed();
      await breakRegistry();
      await using failing = subject.instancer();
      await new Subscriber(failing, timeoutMs).untilFailed();
      await failing.close();
      await lasting.close();
      expect(new Subscriber(lasting, timeoutMs).events).toEqual([]);
    },
  },
  {
    title: "leaves nothing running when it is closed",
    async run(subject, timeoutMs) {
      await leavesNothingRunning(async () => {
        await using instancer = subject.instancer();
        await new Subscriber(instancer, timeoutMs).untilListed();
      }, timeoutMs);
    },
  },
  {
    title: "tells a thousand instances",
    capability: "thousand",
    async run(subject, timeoutMs) {
      const list = instances(subject, 1_000);
      await subject.set(list);
      await using instancer = subject.instancer();
      const subscriber = new Subscriber(instancer, timeoutMs);
      await subscriber.untilListed(...list);
      const fewer = list.filter((_, n) => n % 100 !== 0);
      await subject.set(fewer);
      await subscriber.untilListed(...fewer);
      expect(subscriber.lists.at(-1)).toHaveLength(990);
    },
  },
];

function tellsTrait(trait: InstanceTrait): InstancerCase {
  return {
    title: `tells the ${trait} of an instance, and its changes`,
    capability: trait,
    async run(subject, timeoutMs) {
      const [a, b] = instances(subject, 2);
      await using instancer = subject.instancer();
      const subscriber = new Subscriber(instancer, timeoutMs);
      for (const value of traits[trait]) {
        const list = [{ ...a, ...value }, b];
        await subject.set(list);
        const told = await subscriber.untilListed(...list);
        expect(told.instances).toEqual(list);
      }
    },
  };
}

function outage(subject: InstancerSubject): { breakRegistry: () => Promise<void>; healRegistry: () => Promise<void> } {
  return {
    breakRegistry: handle("testInstancer", "breakRegistry", subject.breakRegistry?.bind(subject)),
    healRegistry: handle("testInstancer", "healRegistry", subject.healRegistry?.bind(subject)),
  };
}
