import { KitError } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DiscoveredInstance,
  type DiscoveryEvent,
  discoveryFaultsCases,
  type DiscoveryFaultsSubject,
  type InstancerUnderTest,
  type RegistrarUnderTest,
  testDiscoveryFaults,
} from "../src/discovery-faults.ts";

/** What can be wrong with an adapter whose registry fails. */
type Fault =
  | "empties its list in an outage"
  | "takes silence for an empty list"
  | "takes nonsense for an empty list"
  | "keeps outages to itself"
  | "tells errors without a code"
  | "says that it is fresh in an outage"
  | "tells late subscribers of the outage only"
  | "gives up after an outage"
  | "begins with an empty list after an outage"
  | "lists everybody twice after an outage"
  | "follows no changes after an outage"
  | "registers once in its life"
  | "misses the last of many changes"
  | "keeps every answer"
  | "leaves a timer when it is closed in an outage"
  | "loses a rejection in an outage"
  | "piles up listeners in an outage";

const timers: NodeJS.Timeout[] = [];

afterEach(() => {
  for (const timer of timers.splice(0)) clearInterval(timer);
});

/** A registry in memory that is polled, over a network that can be hurt as well; sound, but for the fault of what asks it. */
function registry(fault?: Fault): DiscoveryFaultsSubject & { readonly registrar: object } {
  let placed: readonly DiscoveredInstance[] = [];
  const registered = new Map<string, DiscoveredInstance>();
  let server: "serves" | "is dead" | "is stopped" = "serves";
  let network: "carries" | "drops" | "garbles" = "carries";

  const ask = async (): Promise<readonly DiscoveredInstance[]> => {
    if (server === "is stopped" || network === "drops") {
      await new Promise((resolve) => void setTimeout(resolve, 5));
      if (fault === "takes silence for an empty list") return [];
      throw new KitError("deadline_exceeded", "no answer");
    }
    if (network === "garbles") {
      if (fault === "takes nonsense for an empty list") return [];
      throw new KitError("unavailable", "nonsense");
    }
    if (server === "is dead") throw new KitError("unavailable", "away");
    const all = new Map([...placed, ...registered.values()].map((instance) => [instance.address, instance]));
    return [...all.values()].toSorted((a, b) => (a.address < b.address ? -1 : 1));
  };
  /** While nothing gets through, what registrars keep expires. */
  const expire = (): void => registered.clear();

  function instancer(): InstancerUnderTest {
    const listeners = new Set<(event: DiscoveryEvent) => void>();
    const answers: Buffer[] = [];
    let list: readonly DiscoveredInstance[] | undefined;
    let error: Error | undefined;
    let failures = 0;
    let changes = 0;
    let closed = false;

    const tell = (event: DiscoveryEvent): void => {
      for (const listener of listeners) listener(event);
    };
    const look = async (): Promise<void> => {
      let next: readonly DiscoveredInstance[];
      try {
        next = await ask();
      } catch (cause) {
        if (closed || error !== undefined || fault === "keeps outages to itself") return;
        error = fault === "tells errors without a code" ? new Error("away") : (cause as Error);
        failures += 1;
        if (fault === "loses a rejection in an outage") void Promise.reject(error);
        if (fault === "piles up listeners in an outage") {
          process.emitWarning("11 listeners", "MaxListenersExceededWarning");
        }
        tell({ error });
        if (fault === "empties its list in an outage") tell({ instances: (list = []) });
        return;
      }
      if (closed || (failures > 0 && fault === "gives up after an outage")) return;
      if (fault === "keeps every answer") answers.push(Buffer.alloc(2 ** 20));
      if (failures > 0 && fault === "follows no changes after an outage") next = list!;
      if (failures > 0 && fault === "lists everybody twice after an outage") {
        next = next.flatMap((instance) => [instance, instance]);
      }
      if (error === undefined && list !== undefined && JSON.stringify(list) === JSON.stringify(next)) return;
      if (error !== undefined && fault === "begins with an empty list after an outage") tell({ instances: [] });
      error = undefined;
      if (fault === "misses the last of many changes" && ++changes > 20) return;
      list = next;
      tell({ instances: list });
    };
    const polling = setInterval(() => void look(), 2);

    const close = async (): Promise<void> => {
      closed = true;
      listeners.clear();
      if (error !== undefined && fault === "leaves a timer when it is closed in an outage") timers.push(polling);
      else clearInterval(polling);
    };
    return {
      subscribe(listener) {
        listeners.add(listener);
        const silent = error !== undefined && fault === "tells late subscribers of the outage only";
        if (list !== undefined && !silent) listener({ instances: list });
        if (error !== undefined) listener({ error });
        return () => listeners.delete(listener);
      },
      get status() {
        const fails = error !== undefined && fault !== "says that it is fresh in an outage";
        return { state: fails ? ("stale" as const) : ("fresh" as const), since: 0 };
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  function registrar(instance: DiscoveredInstance): RegistrarUnderTest {
    let beating: NodeJS.Timeout | undefined;
    const beat = async (): Promise<void> => {
      await ask();
      registered.set(instance.address, instance);
    };
    const stop = async (): Promise<void> => {
      clearInterval(beating);
      await ask().then(
        () => registered.delete(instance.address),
        () => {},
      );
    };
    return {
      async register() {
        await beat();
        if (fault !== "registers once in its life") beating = setInterval(() => void beat().catch(() => {}), 5);
      },
      deregister: stop,
      close: stop,
      [Symbol.asyncDispose]: stop,
    };
  }

  return {
    instancer,
    registrar,
    async set(list) {
      placed = list;
    },
    server: {
      async kill() {
        server = "is dead";
      },
      async restart({ wipe = false } = {}) {
        server = "serves";
        if (!wipe) return;
        placed = [];
        registered.clear();
      },
      pause() {
        server = "is stopped";
      },
      resume() {
        server = "serves";
        expire();
      },
    },
    network: {
      cut() {
        network = "drops";
      },
      garble() {
        network = "garbles";
      },
      heal() {
        network = "carries";
        expire();
      },
    },
  };
}

const patience = { timeoutMs: 5_000, stopMs: 50, changesMs: 400 };

describe("a registry in memory", () => {
  testDiscoveryFaults({
    setup: async () => ({ subject: registry() }),
    supports: { registers: true, keepsData: true },
    ...patience,
  });
});

describe("a registry that nobody registers with", () => {
  testDiscoveryFaults({
    setup: async () => {
      const { registrar: _, ...subject } = registry();
      return { subject: { ...subject, address: (port) => `host-${port}.test:${port}` } };
    },
    supports: { registers: "it is written by hand", keepsData: true },
    ...patience,
  });
});

const inAnyOutage: readonly Fault[] = [
  "empties its list in an outage",
  "keeps outages to itself",
  "tells errors without a code",
  "says that it is fresh in an outage",
  "tells late subscribers of the outage only",
  "gives up after an outage",
  "begins with an empty list after an outage",
  "lists everybody twice after an outage",
  "follows no changes after an outage",
  "loses a rejection in an outage",
  "piles up listeners in an outage",
];

/** For each case, the faults that must fail it. */
const faults: Record<string, readonly Fault[]> = {
  "keeps its list while the server is killed, and goes on when that is back with its data": inAnyOutage,
  "keeps its list while the server is killed, and has it again when everybody has registered with one without data": [
    "registers once in its life",
    "empties its list in an outage",
    "gives up after an outage",
  ],
  "keeps its list while the network drops everything, and goes on when it is healed": [
    "takes silence for an empty list",
    "registers once in its life",
    ...inAnyOutage,
  ],
  "keeps its list while answers are nonsense, and goes on when they make sense again": [
    "takes nonsense for an empty list",
    ...inAnyOutage,
  ],
  "follows a hundred changes a second to the last, and needs no more memory for that": [
    "misses the last of many changes",
    "keeps every answer",
  ],
  "keeps its list while the server is stopped for long, and goes on when that continues": [
    "takes silence for an empty list",
    "registers once in its life",
    ...inAnyOutage,
  ],
  "leaves nothing running when it is closed amid a fault": ["leaves a timer when it is closed in an outage"],
};

describe("the suite of discovery's faults", () => {
  // The runner's own, which would fail the run for a rejection that is to be found here.
  let rejectionListeners: NodeJS.UnhandledRejectionListener[];
  beforeEach(() => {
    rejectionListeners = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
  });
  afterEach(() => {
    for (const listener of rejectionListeners) process.on("unhandledRejection", listener);
  });

  it("has a fault for each of its cases", () => {
    expect(Object.keys(faults)).toEqual(discoveryFaultsCases.map(({ title }) => title));
  });

  for (const [title, list] of Object.entries(faults)) {
    it.each(list)(`fails an adapter that %s: ${title}`, async (fault) => {
      const { run } = discoveryFaultsCases.find((each) => each.title === title)!;
      await expect(run(registry(fault), { ...patience, timeoutMs: 150 })).rejects.toBeInstanceOf(Error);
    });
  }

  it("says when the registrar is missing that is said to be supported", async () => {
    const { run } = discoveryFaultsCases.find(({ capability }) => capability === "registers")!;
    const { registrar: _, ...subject } = registry();
    await expect(run(subject, patience)).rejects.toThrow("testDiscoveryFaults: setup must return registrar");
  });
});
