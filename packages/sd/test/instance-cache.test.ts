import { isDeepStrictEqual } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Instance, instanceCache, type InstancerEvent } from "../src/index.ts";
import { at, recorder, thrownBy, uncaught } from "./recorder.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("instanceCache", () => {
  it("is pending, and tells nothing, until there is something to tell", () => {
    const cache = instanceCache({ now: () => 7 });
    expect(recorder(cache).heard).toEqual([]);
    expect(cache.status).toEqual({ state: "pending", since: 7 });
  });

  // go-kit TestCache
  it("tells a subscriber the current list at once, sorted, and each change", () => {
    const cache = instanceCache();
    cache.update(at("b", "a"));
    const { heard, unsubscribe } = recorder(cache);
    expect(heard).toEqual([["a", "b"]]);
    cache.update(at("c", "a", "b"));
    expect(heard).toEqual([
      ["a", "b"],
      ["a", "b", "c"],
    ]);
    unsubscribe();
    cache.update(at("d"));
    expect(heard).toHaveLength(2);
  });

  // go-kit TestRegistry
  it("tells every subscriber until it leaves", () => {
    const cache = instanceCache();
    const [one, two] = [recorder(cache), recorder(cache)];
    cache.update(at("a", "b"));
    one.unsubscribe();
    one.unsubscribe();
    cache.update(at("b"));
    two.unsubscribe();
    cache.update(at("c"));
    expect(one.heard).toEqual([["a", "b"]]);
    expect(two.heard).toEqual([["a", "b"], ["b"]]);
  });

  it("takes one function twice as two subscribers", () => {
    const cache = instanceCache();
    const listener = vi.fn<(event: InstancerEvent) => void>();
    const leave = cache.subscribe(listener);
    cache.subscribe(listener);
    cache.update(at("a"));
    expect(listener).toHaveBeenCalledTimes(2);
    leave();
    cache.update(at("b"));
    expect(listener).toHaveBeenCalledTimes(3);
  });

  // go-kit TestDataRace
  it("tells lists that nobody can spoil for another", () => {
    const cache = instanceCache();
    const given = at("a", "b");
    cache.update(given);
    given[0]!.address = "z";
    given.pop();
    const [event] = recorder(cache).events;
    expect(() => (event!.instances as Instance[]).push({ address: "c" })).toThrow(TypeError);
    expect(() => Object.assign(event!.instances![0]!, { address: "c" })).toThrow(TypeError);
    expect(() => Object.assign(event!, { error: new Error("spoilt") })).toThrow(TypeError);
    expect(recorder(cache).heard).toEqual([["a", "b"]]);
  });

  it("sorts by code units, as every peer does", () => {
    const cache = instanceCache();
    cache.update(at("é:1", "10.0.0.9:80", "a:1", "10.0.0.10:80", "B:1", "[::1]:80"));
    expect(recorder(cache).heard).toEqual([["10.0.0.10:80", "10.0.0.9:80", "B:1", "[::1]:80", "a:1", "é:1"]]);
  });

  it("lists an address once, as the first that has it says", () => {
    const cache = instanceCache();
    const { events } = recorder(cache);
    cache.update([
      { address: "b", weight: 1 },
      { address: "a", weight: 2 },
      { address: "b", weight: 3 },
    ]);
    cache.update([
      { address: "b", weight: 4 },
      { address: "b", weight: 1 },
      { address: "a", weight: 2 },
    ]);
    expect(events.map((event) => event.instances)).toEqual([
      [
        { address: "a", weight: 2 },
        { address: "b", weight: 1 },
      ],
      [
        { address: "a", weight: 2 },
        { address: "b", weight: 4 },
      ],
    ]);
  });

  it("does not tell a list again that says the same in another order", () => {
    const cache = instanceCache();
    const { heard } = recorder(cache);
    const whole = { address: "a", weight: 2, zone: "z", metadata: { x: "1", y: "2" } };
    cache.update([whole, { address: "b" }]);
    cache.update([{ address: "b" }, { ...whole, metadata: { y: "2", x: "1" } }]);
    cache.update(new Set([{ address: "b" }, whole]));
    expect(heard).toEqual([["a", "b"]]);
  });

  it("tells an empty list, once", () => {
    const cache = instanceCache();
    const { heard } = recorder(cache);
    cache.update([]);
    cache.update([]);
    expect(heard).toEqual([[]]);
    expect(cache.status.state).toBe("fresh");
  });

  it.for<Partial<Instance>>([
    { weight: 3 },
    { weight: 2, zone: "other" },
    { weight: 2 },
    { weight: 2, zone: "z", metadata: {} },
    { weight: 2, zone: "z", metadata: { x: "2" } },
    { weight: 2, zone: "z", metadata: { y: "1" } },
    { weight: 2, zone: "z", metadata: { x: "1", y: "1" } },
  ])("tells a list in which one instance has become %o", (change) => {
    const cache = instanceCache();
    cache.update([{ address: "a", weight: 2, zone: "z", metadata: { x: "1" } }, { address: "b" }]);
    const { events } = recorder(cache);
    cache.update([{ address: "a", ...change }, { address: "b" }]);
    expect(events[1]?.instances).toStrictEqual([{ address: "a", ...change }, { address: "b" }]);
    expect(events[1]?.instances?.[1]).toBe(events[0]?.instances?.[1]);
  });

  it("keeps its list when one of a new one is no instance", () => {
    const cache = instanceCache();
    cache.update(at("a", "b"));
    const { heard } = recorder(cache);
    expect(() => cache.update([{ address: "c" }, { address: "" }])).toThrow(TypeError);
    expect(() =>
      cache.update([
        { address: "b", weight: 3 },
        { address: "a", weight: NaN },
      ]),
    ).toThrow(TypeError);
    expect(() => cache.update([null as never])).toThrow(TypeError);
    cache.update(at("a", "b"));
    expect(heard).toEqual([["a", "b"]]);
    cache.update(at("c"));
    expect(heard).toEqual([["a", "b"], ["c"]]);
  });

  it("goes from pending to failing to fresh to stale and back, and says since when and why", () => {
    let time = 1;
    const cache = instanceCache({ now: () => time++ });
    const states = [cache.status];
    const [first, second] = [new Error("first"), new Error("second")];
    for (const step of [
      () => cache.fail(first),
      () => cache.fail(second),
      () => cache.update(at("a")),
      () => cache.update(at("b")),
      () => cache.fail(first),
      () => cache.update(at("b")),
    ]) {
      step();
      states.push(cache.status);
    }
    expect(states).toEqual([
      { state: "pending", since: 1 },
      { state: "failing", since: 2, error: first },
      { state: "failing", since: 2, error: second },
      { state: "fresh", since: 3 },
      { state: "fresh", since: 3 },
      { state: "stale", since: 4, error: first },
      { state: "fresh", since: 5 },
    ]);
  });

  it("tells an error once, however often it comes, and the list again after it", () => {
    const cache = instanceCache();
    const { heard } = recorder(cache);
    const [one, again, other] = ["refused", "refused", "timed out"].map(
      (cause) => new Error("unavailable", { cause: new Error(cause) }),
    ) as [Error, Error, Error];
    cache.update(at("a"));
    cache.fail(one);
    cache.fail(again);
    cache.fail(other);
    cache.update(at("a"));
    cache.update(at("a"));
    cache.fail(one);
    expect(heard).toEqual([["a"], one, other, ["a"], one]);
  });

  it("tells who subscribes during an outage the last list, and then the error", () => {
    const cache = instanceCache();
    const error = new Error("down");
    cache.update(at("a"));
    cache.fail(error);
    expect(recorder(cache).heard).toEqual([["a"], error]);
  });

  it("tells nobody anything once it is closed", async () => {
    const cache = instanceCache();
    cache.update(at("a"));
    const { heard } = recorder(cache);
    const closing = cache.close();
    cache.update(at("b"));
    cache.fail(new Error("late"));
    await closing;
    await cache.close();
    await cache[Symbol.asyncDispose]();
    expect(heard).toEqual([["a"]]);
    expect(recorder(cache).heard).toEqual([]);
    expect(cache.status.state).toBe("fresh");
  });

  it("tells nobody anything more when a listener closes it, or takes another listener away", () => {
    const cache = instanceCache();
    cache.subscribe(({ instances }) => {
      if (instances?.length === 2) void cache.close();
      if (instances?.length === 1) first.unsubscribe();
    });
    const [first, second] = [recorder(cache), recorder(cache)];
    cache.update(at("a"));
    cache.update(at("a", "b"));
    expect(first.heard).toEqual([]);
    expect(second.heard).toEqual([["a"]]);
  });

  it("tells everybody everything in order when a listener makes for the next event", () => {
    const cache = instanceCache();
    const late: string[][] = [];
    cache.subscribe(({ instances }) => {
      if (instances?.length !== 1) return;
      cache.update(at("a", "b"));
      cache.subscribe((event) => late.push(event.instances!.map(({ address }) => address)));
    });
    const { heard } = recorder(cache);
    cache.update(at("a"));
    expect(heard).toEqual([["a"], ["a", "b"]]);
    expect(late).toEqual([["a", "b"]]);
  });

  it("lets a listener's error be heard, and nobody else suffer from it", () => {
    const thrown = uncaught();
    const cache = instanceCache();
    cache.update(at("a"));
    const failing = new Error("mine");
    cache.subscribe(() => {
      throw failing;
    });
    const { heard } = recorder(cache);
    cache.update(at("b"));
    expect(heard).toEqual([["a"], ["b"]]);
    expect(thrown).toEqual([failing, failing]);
  });

  it("agrees with a plain sorted map, whatever comes in whatever order", () => {
    const instance = fc.record(
      {
        address: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
        weight: fc.nat(2),
        zone: fc.constantFrom("x", "y"),
        metadata: fc.dictionary(fc.constantFrom("k", "l", "__proto__"), fc.constantFrom("1", "2"), {
          noNullPrototype: true,
        }),
      },
      { requiredKeys: ["address"], noNullPrototype: true },
    );
    const wrong = fc.constant({ address: "" });
    const lists = fc.array(fc.array(fc.oneof({ weight: 20, arbitrary: instance }, wrong), { maxLength: 12 }));
    fc.assert(
      fc.property(lists, (updates) => {
        const cache = instanceCache();
        const { events } = recorder(cache);
        const expected: Instance[][] = [];
        for (const update of updates) {
          const broken = update.some(({ address }) => address === "");
          expect(thrownBy(() => cache.update(update)) !== undefined).toBe(broken);
          if (broken) continue;
          const list = [...new Map(update.toReversed().map((each) => [each.address, each])).values()].toSorted((a, b) =>
            a.address < b.address ? -1 : 1,
          );
          if (!isDeepStrictEqual(expected.at(-1), list)) expected.push(list);
        }
        expect(events.map((event) => event.instances)).toEqual(expected);
        const copied = events.flatMap(({ instances }, n) =>
          instances!.filter((each) => {
            const before = events[n - 1]?.instances?.find(({ address }) => address === each.address);
            return before !== each && isDeepStrictEqual(before, each);
          }),
        );
        expect(copied).toEqual([]);
      }),
    );
  });

  it("keeps nothing of an instance that has gone", async () => {
    setFlagsFromString("--expose-gc");
    const cache = instanceCache();
    const gone = ((): WeakRef<Instance> => {
      cache.update(at("a", "b", "c"));
      let last: Instance | undefined;
      cache.subscribe(({ instances }) => (last = instances![2]))();
      return new WeakRef(last!);
    })();
    cache.update(at("a", "b"));
    cache.update(at("a"));
    await new Promise((resolve) => void setImmediate(resolve));
    (runInNewContext("gc") as () => void)();
    expect(gone.deref()).toBeUndefined();
    expect(cache.status.state).toBe("fresh");
  });
});
