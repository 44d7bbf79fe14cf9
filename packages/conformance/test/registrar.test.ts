import { KitError } from "@kit/endpoint";
import { afterEach, describe, expect, it } from "vitest";
import {
  type DiscoveredInstance,
  type DiscoveryEvent,
  type InstancerUnderTest,
  registrarCases,
  registrarSet,
  type RegistrarSubject,
  type RegistrarUnderTest,
  testRegistrar,
} from "../src/registrar.ts";

/** What can be wrong with a registrar. */
type Fault =
  | "registers later"
  | "deregisters later"
  | "registers twice"
  | "rejects when there is nothing to deregister"
  | "registers only once in its life"
  | "misses a deregistration while it registers"
  | "deregisters the whole service"
  | "forgets weights"
  | "forgets zones"
  | "forgets metadata"
  | "leaves its instance when it is closed"
  | "registers when it is closed"
  | "never expires"
  | "sends no heartbeats"
  | "does not notice a loss"
  | "keeps failures to itself"
  | "rejects when it closes in an outage"
  | "leaves a timer";

const timers: NodeJS.Timeout[] = [];

afterEach(() => {
  for (const timer of timers.splice(0)) clearInterval(timer);
});

/** A registry in memory that lets instances expire; sound, but for the fault of its registrars. */
function registry(fault: Fault | undefined, ttlMs: number): RegistrarSubject {
  interface Entry {
    readonly instance: DiscoveredInstance;
    renewed: number;
  }
  const entries = new Set<Entry>();
  const watching = new Set<() => void>();
  let away = false;

  const tellAll = (): void => {
    for (const look of watching) setImmediate(look);
  };
  const ask = (): void => {
    if (away) throw new KitError("unavailable", "away");
  };
  const expire = (): void => {
    if (fault === "never expires") return;
    for (const entry of entries) if (Date.now() - entry.renewed > ttlMs) entries.delete(entry);
    tellAll();
  };

  function instancer(): InstancerUnderTest {
    const listeners = new Set<(event: DiscoveryEvent) => void>();
    let last = "";
    const look = (): void => {
      const list = [...entries].map(({ instance }) => instance).toSorted((a, b) => (a.address < b.address ? -1 : 1));
      const event = away ? { error: new KitError("unavailable", "away") } : { instances: list };
      if (last === JSON.stringify(event)) return;
      last = JSON.stringify(event);
      for (const listener of listeners) listener(event);
    };
    const polling = setInterval(expire, ttlMs / 10);
    watching.add(look);
    setImmediate(look);
    const close = async (): Promise<void> => {
      clearInterval(polling);
      watching.delete(look);
      listeners.clear();
    };
    return {
      subscribe(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      status: { state: "fresh", since: 0 },
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  function registrar(given: DiscoveredInstance, heartbeats = fault !== "sends no heartbeats"): RegistrarUnderTest {
    const { weight, zone, metadata, ...rest } = given;
    const instance = {
      ...rest,
      ...(weight !== undefined && fault !== "forgets weights" && { weight }),
      ...(zone !== undefined && fault !== "forgets zones" && { zone }),
      ...(metadata !== undefined && fault !== "forgets metadata" && { metadata }),
    };
    let entry: Entry | undefined;
    let wanted = false;
    let was = false;
    let closed = false;
    let beating: NodeJS.Timeout | undefined;
    let turn = Promise.resolve();
    if (fault === "leaves a timer") timers.push(setInterval(() => {}, 60_000));

    const put = (): void => {
      ask();
      if (entry !== undefined && entries.has(entry) && fault !== "registers twice") {
        entry.renewed = Date.now();
        return;
      }
      entry = { instance, renewed: Date.now() };
      entries.add(entry);
      tellAll();
    };
    const beat = (): void => {
      const lost = !entries.has(entry!);
      if (lost && fault === "does not notice a loss") return;
      try {
        put();
      } catch {
        // The next one may succeed.
      }
    };
    const inTurn = async (act: () => void): Promise<void> => {
      const done = turn.then(async () => {
        await new Promise((resolve) => void setTimeout(resolve, fault?.endsWith("later") ? 10 : 0));
        act();
      });
      turn = done.catch(() => {});
      return done;
    };

    async function register(): Promise<void> {
      if (closed && fault !== "registers when it is closed") throw new KitError("failed_precondition", "closed");
      if (was && fault === "registers only once in its life") return;
      if (wanted && fault !== "registers twice") return inTurn(() => {});
      wanted = true;
      was = true;
      const done = inTurn(() => {
        try {
          put();
        } catch (error) {
          wanted = false;
          throw error;
        }
        if (heartbeats) beating = setInterval(beat, ttlMs / 10).unref();
      });
      if (fault === "registers later") return;
      if (fault === "keeps failures to itself") await done.catch(() => {});
      else await done;
    }

    async function deregister(): Promise<void> {
      if (!wanted && fault === "rejects when there is nothing to deregister") throw new Error("not registered");
      if (entry === undefined && fault === "misses a deregistration while it registers") return;
      wanted = false;
      const done = inTurn(() => {
        clearInterval(beating);
        if (entry === undefined) return;
        ask();
        if (fault === "deregisters the whole service") entries.clear();
        entries.delete(entry);
        entry = undefined;
        tellAll();
      });
      if (fault === "deregisters later") return;
      await done;
    }

    async function close(): Promise<void> {
      closed = true;
      if (fault === "leaves its instance when it is closed") {
        clearInterval(beating);
        return;
      }
      await deregister().catch((error: unknown) => {
        if (fault === "rejects when it closes in an outage") throw error;
      });
    }
    return { register, deregister, close, [Symbol.asyncDispose]: close };
  }

  return {
    registrar,
    instancer,
    expiryMs: ttlMs + ttlMs / 10,
    async mortal(instance) {
      const dying = { instance, renewed: Date.now() };
      entries.add(dying);
      const beating = setInterval(() => (dying.renewed = Date.now()), ttlMs / 10);
      tellAll();
      return async () => clearInterval(beating);
    },
    async wipeRegistry() {
      entries.clear();
      tellAll();
    },
    async breakRegistry() {
      away = true;
      // As it may happen: what it held is lost.
      entries.clear();
      tellAll();
    },
    async healRegistry() {
      away = false;
      tellAll();
    },
  };
}

const everything = { weight: true, zone: true, metadata: true, expires: true, recovers: true, outages: true } as const;

describe("a registry in memory", () => {
  testRegistrar({ setup: async () => ({ subject: registry(undefined, 1_000) }), supports: everything });
});

/** For each case, the faults that must fail it. */
const faults: Record<string, readonly Fault[]> = {
  "has the instance listed, for whoever looks, when register resolves": ["registers later"],
  "has it listed no more, for whoever looks, when deregister resolves": ["deregisters later"],
  "registers and deregisters once, however often it is asked": [
    "registers twice",
    "rejects when there is nothing to deregister",
  ],
  "registers anew after it has deregistered": ["registers only once in its life"],
  "ends up as it was told last, when it is told before it is done": ["misses a deregistration while it registers"],
  "leaves the other instances of the service alone": [
    "deregisters the whole service",
    "leaves its instance when it is closed",
  ],
  "hands on the weight of the instance": ["forgets weights"],
  "hands on the zone of the instance": ["forgets zones"],
  "hands on the metadata of the instance": ["forgets metadata"],
  "deregisters within a second when it is closed, however often, and registers no more": [
    "leaves its instance when it is closed",
    "registers when it is closed",
  ],
  "keeps its instance listed while that of a process that died expires": ["never expires", "sends no heartbeats"],
  "registers again when the registry has lost its instance": ["does not notice a loss"],
  "rejects while the registry is away, and registers when it is there and asked again": ["keeps failures to itself"],
  "has its instance listed after an outage": ["does not notice a loss"],
  "closes while the registry is away, without a rejection": ["rejects when it closes in an outage"],
  "leaves nothing running when it is closed": ["leaves a timer"],
};

describe("the registrar suite", () => {
  it("has a fault for each of its cases", () => {
    expect(Object.keys(faults)).toEqual(registrarCases.map(({ title }) => title));
  });

  for (const [title, list] of Object.entries(faults)) {
    it.each(list)(`fails a registrar that %s: ${title}`, async (fault) => {
      const { run } = registrarCases.find((each) => each.title === title)!;
      await expect(run(registry(fault, 200), 600)).rejects.toBeInstanceOf(Error);
    });
  }

  it("fails a registrar whose dead instance stays longer than it says", async () => {
    const { run } = registrarCases.find(({ capability }) => capability === "expires")!;
    await expect(run({ ...registry(undefined, 200), expiryMs: -1_000 }, 600)).rejects.toThrow("less than 0");
  });

  it("keeps a registrar for each instance that is set, and no other", async () => {
    const subject = registry(undefined, 60_000);
    const { set, close } = registrarSet((instance) => subject.registrar(instance));
    await using instancer = subject.instancer();
    let told: readonly DiscoveredInstance[] | undefined;
    instancer.subscribe(({ instances }) => (told = instances));
    const [a, b] = [{ address: "a" }, { address: "b" }];
    for (const list of [[a, b], [{ ...a, weight: 2 }, b], [b], []]) {
      await set(list);
      await expect.poll(() => told).toEqual(list);
    }
    await set([a]);
    await close();
    await expect.poll(() => told).toEqual([]);
  });

  it.each([
    ["expires", "mortal"],
    ["recovers", "wipeRegistry"],
    ["outages", "breakRegistry"],
  ] as const)("says when what %s needs is missing: %s", async (capability, name) => {
    const { run } = registrarCases.find((each) => each.capability === capability)!;
    const { registrar, instancer } = registry(undefined, 1_000);
    await expect(run({ registrar, instancer }, 100)).rejects.toThrow(`testRegistrar: setup must return ${name}`);
  });
});
