import { KitError } from "@kit/endpoint";
import { afterEach, describe, expect, it } from "vitest";
import {
  type DiscoveredInstance,
  type DiscoveryEvent,
  instancerCases,
  type InstancerSubject,
  type InstancerUnderTest,
  testInstancer,
} from "../src/instancer.ts";

/** What can be wrong with an instancer. */
type Fault =
  | "tells the list later"
  | "tells nothing while the list is empty"
  | "misses what goes"
  | "sorts by port"
  | "lists an instance twice"
  | "tells every answer"
  | "tells everybody its own array"
  | "forgets weights"
  | "forgets zones"
  | "forgets metadata"
  | "misses changes of an instance"
  | "says pending for ever"
  | "says since when it pleases"
  | "empties the list in an outage"
  | "tells errors without a code"
  | "keeps outages to itself"
  | "does not tell the list again after an outage"
  | "tells late subscribers of the outage only"
  | "gives up when it starts in an outage"
  | "tells those who have left"
  | "silences everybody when one leaves"
  | "tells on after it is closed"
  | "greets after it is closed"
  | "rejects a second close"
  | "closes all instancers of the service"
  | "goes on telling while it is closed by a listener"
  | "hangs when it is closed before the first list"
  | "hangs when it is closed in an outage"
  | "leaves a timer"
  | "lists a hundred at most";

const timers: NodeJS.Timeout[] = [];

afterEach(() => {
  for (const timer of timers.splice(0)) clearInterval(timer);
});

/** A registry in memory that tells its instancers a moment later; sound, but for the fault. */
function registry(fault?: Fault): InstancerSubject {
  let held: readonly DiscoveredInstance[] = [];
  let away = false;
  const watching = new Set<() => void>();
  const closers = new Set<() => void>();
  const tellAll = (): void => {
    for (const look of watching) setImmediate(look);
  };

  function instancer(): InstancerUnderTest {
    const subscribers = new Set<{ listener: (event: DiscoveryEvent) => void }>();
    let list: readonly DiscoveredInstance[] | undefined;
    let error: Error | undefined;
    let since = Date.now();
    let closes = 0;
    if (fault === "leaves a timer") timers.push(setInterval(() => {}, 60_000));

    const tell = (event: DiscoveryEvent): void => {
      for (const subscriber of Array.from(subscribers)) {
        if (fault === "goes on telling while it is closed by a listener" || subscribers.has(subscriber)) {
          subscriber.listener(event);
        }
      }
    };
    const look = (): void => {
      if (closes > 0 && fault !== "tells on after it is closed") return;
      if (away) {
        if (fault === "keeps outages to itself") return;
        if (fault === "gives up when it starts in an outage" && list === undefined) watching.delete(look);
        if (error !== undefined) return;
        error = fault === "tells errors without a code" ? new Error("away") : new KitError("unavailable", "away");
        since = Date.now();
        tell({ error });
        if (fault === "empties the list in an outage") tell({ instances: (list = []) });
        return;
      }
      const next = answer(list);
      const healed = error !== undefined && fault !== "does not tell the list again after an outage";
      error = undefined;
      if (!healed && list !== undefined && fault !== "tells every answer" && alike(list, next)) return;
      if (list === undefined || healed) since = Date.now();
      list = next;
      if (fault === "tells nothing while the list is empty" && list.length === 0) return;
      tell({ instances: list });
    };
    const alike = (a: readonly DiscoveredInstance[], b: readonly DiscoveredInstance[]): boolean =>
      fault === "misses changes of an instance"
        ? String(a.map(({ address }) => address)) === String(b.map(({ address }) => address))
        : JSON.stringify(a) === JSON.stringify(b);

    const close = async (): Promise<void> => {
      closes += 1;
      if (closes > 1 && fault === "rejects a second close") throw new Error("closed already");
      if (fault === "hangs when it is closed before the first list" && list === undefined) await new Promise(() => {});
      if (fault === "hangs when it is closed in an outage" && away) await new Promise(() => {});
      if (fault === "tells on after it is closed") return;
      if (fault !== "goes on telling while it is closed by a listener") subscribers.clear();
      watching.delete(look);
      if (fault === "closes all instancers of the service") for (const closeOther of closers) closeOther();
    };
    closers.add(() => {
      subscribers.clear();
      watching.delete(look);
    });
    watching.add(look);
    setImmediate(look);

    return {
      subscribe(listener) {
        const subscriber = { listener };
        if (closes > 0 && fault !== "greets after it is closed") return () => {};
        subscribers.add(subscriber);
        const greet = (): void => {
          const silent = fault === "tells late subscribers of the outage only" && error !== undefined;
          if (list !== undefined && !silent) listener({ instances: list });
          if (error !== undefined) listener({ error });
        };
        if (fault === "tells the list later") setImmediate(greet);
        else greet();
        return () => {
          if (fault === "silences everybody when one leaves") subscribers.clear();
          if (fault !== "tells those who have left") subscribers.delete(subscriber);
        };
      },
      get status() {
        const known = list !== undefined && fault !== "says pending for ever";
        if (error !== undefined) return { state: known ? ("stale" as const) : ("failing" as const), since, error };
        const from = fault === "says since when it pleases" ? 0 : since;
        return { state: known ? ("fresh" as const) : ("pending" as const), since: from };
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  /** What the registry says to an instancer that knows `before`. */
  function answer(before: readonly DiscoveredInstance[] = []): DiscoveredInstance[] {
    let list = held.map(({ address, weight, zone, metadata }): DiscoveredInstance => ({
      address,
      ...(weight !== undefined && fault !== "forgets weights" && { weight }),
      ...(zone !== undefined && fault !== "forgets zones" && { zone }),
      ...(metadata !== undefined && fault !== "forgets metadata" && { metadata }),
    }));
    if (fault === "misses what goes") {
      list = [...new Map([...before, ...list].map((each) => [each.address, { ...each }])).values()];
    }
    if (fault === "lists an instance twice") list = list.flatMap((each) => [each, each]);
    if (fault === "lists a hundred at most") list = list.slice(0, 100);
    const port = ({ address }: DiscoveredInstance): number => Number(address.split(":")[1]);
    list = list.toSorted((a, b) =>
      fault === "sorts by port" ? port(a) - port(b) : a.address < b.address ? -1 : a.address > b.address ? 1 : 0,
    );
    return fault === "tells everybody its own array" ? list : freeze(list);
  }

  return {
    instancer,
    async set(instances) {
      held = instances;
      tellAll();
    },
    async breakRegistry() {
      away = true;
      tellAll();
    },
    async healRegistry() {
      away = false;
      tellAll();
    },
  };
}

function freeze(list: DiscoveredInstance[]): DiscoveredInstance[] {
  for (const each of list) Object.freeze(each);
  return Object.freeze(list) as DiscoveredInstance[];
}

const everything = { weight: true, zone: true, metadata: true, thousand: true, outages: true } as const;

describe("a registry in memory", () => {
  testInstancer({ setup: async () => ({ subject: registry() }), supports: everything });
});

describe("a registry of other addresses", () => {
  testInstancer({
    setup: async () => {
      const subject = registry();
      delete subject.breakRegistry;
      return { subject: { ...subject, address: (port) => `host-${port}.test:${port}` } };
    },
    supports: { ...everything, outages: "it never fails" },
  });
});

/** For each case, the faults that must fail it. */
const faults: Record<string, readonly Fault[]> = {
  "tells the list to whoever subscribes, at once when it has one": ["tells the list later"],
  "tells an empty list when the service has no instances": [
    "tells nothing while the list is empty",
    "says pending for ever",
  ],
  "follows the instances that come and go": ["misses what goes", "tells nothing while the list is empty"],
  "tells lists that are sorted by address and have none twice": ["sorts by port", "lists an instance twice"],
  "tells no list twice in a row": ["tells every answer"],
  "tells lists that one subscriber cannot spoil for the others": ["tells everybody its own array"],
  "tells the weight of an instance, and its changes": ["forgets weights", "misses changes of an instance"],
  "tells the zone of an instance, and its changes": ["forgets zones", "misses changes of an instance"],
  "tells the metadata of an instance, and its changes": ["forgets metadata", "misses changes of an instance"],
  "says that its list is fresh, and since when": ["says pending for ever", "says since when it pleases"],
  "keeps its list through an outage, says that it is stale and why, and is fresh again afterwards": [
    "empties the list in an outage",
    "tells errors without a code",
    "keeps outages to itself",
    "does not tell the list again after an outage",
    "tells late subscribers of the outage only",
  ],
  "says that it is failing when it never had a list, and has one when the registry is there": [
    "keeps outages to itself",
    "gives up when it starts in an outage",
    "empties the list in an outage",
  ],
  "tells nothing more to who has left, and goes on for the others": [
    "tells those who have left",
    "silences everybody when one leaves",
  ],
  "tells nothing more once it is closed, however often, while the others go on": [
    "tells on after it is closed",
    "greets after it is closed",
    "rejects a second close",
    "closes all instancers of the service",
  ],
  "can be closed by a listener, and then tells the others nothing more": [
    "goes on telling while it is closed by a listener",
  ],
  "closes before it has a list": ["hangs when it is closed before the first list"],
  "closes while the registry is away": ["hangs when it is closed in an outage", "greets after it is closed"],
  "leaves nothing running when it is closed": ["leaves a timer"],
  "tells a thousand instances": ["lists a hundred at most"],
};

describe("the instancer suite", () => {
  it("has a fault for each of its cases", () => {
    expect(Object.keys(faults)).toEqual(instancerCases.map(({ title }) => title));
  });

  for (const [title, list] of Object.entries(faults)) {
    it.each(list)(`fails an instancer that %s: ${title}`, async (fault) => {
      const { run } = instancerCases.find((each) => each.title === title)!;
      const hangs = new Promise((_, reject) => {
        timers.push(setTimeout(() => reject(new Error("still running")), 500));
      });
      await expect(Promise.race([run(registry(fault), 100), hangs])).rejects.toBeInstanceOf(Error);
    });
  }

  it("says which handle is missing for what is said to be supported", async () => {
    const { run } = instancerCases.find(({ capability }) => capability === "outages")!;
    const { instancer, set } = registry();
    await expect(run({ instancer, set }, 100)).rejects.toThrow("testInstancer: setup must return breakRegistry");
  });

  it("says what was not told, and what was told last", async () => {
    const { run } = instancerCases.find(({ title }) => title.startsWith("follows"))!;
    await expect(run(registry("misses what goes"), 20)).rejects.toThrow(
      /was not told the list 127.0.0.1:20004 within 20 ms; last: \{"instances":\[\{"address":"127.0.0.1:20001"\}/,
    );
  });
});
