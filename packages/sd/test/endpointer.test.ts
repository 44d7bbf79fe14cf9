import { setImmediate } from "node:timers/promises";
import { type Context, type Endpoint, KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  backoff,
  endpointer,
  type Endpointer,
  type EndpointerOptions,
  fixedInstancer,
  instanceCache,
  type InstancerEvent,
} from "../src/index.ts";
import { at, thrownBy, uncaught } from "./recorder.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** An endpointer over a cache whose endpoints are their addresses, and what became of them. */
function setup(options: EndpointerOptions & { broken?: Set<string> } = {}) {
  const { broken = new Set(), ...rest } = options;
  const cache = instanceCache();
  const made: string[] = [];
  const closed: string[] = [];
  const errors: [unknown, string | undefined][] = [];
  const live = endpointer(
    cache,
    ({ address }) => {
      made.push(address);
      if (broken.has(address)) throw new Error(`cannot make ${address}`);
      return { endpoint: address, close: () => void closed.push(address) };
    },
    { onError: (error, instance) => errors.push([error, instance?.address]), ...rest },
  );
  return { cache, live, made, closed, errors, broken };
}

describe("endpointer", () => {
  // go-kit TestEndpointCache
  it("makes an endpoint for each instance and closes those of the vanished", () => {
    const { cache, live, made, closed } = setup();
    expect(live.endpoints()).toEqual([]);
    cache.update(at("a", "b"));
    expect([live.endpoints(), closed]).toEqual([["a", "b"], []]);
    cache.update(at("a", "b"));
    expect([live.endpoints(), closed]).toEqual([["a", "b"], []]);
    cache.fail(new Error("sd error"));
    expect([live.endpoints(), closed]).toEqual([["a", "b"], []]);
    cache.update(at("a"));
    expect([live.endpoints(), closed]).toEqual([["a"], ["b"]]);
    cache.update([]);
    expect([live.endpoints(), closed]).toEqual([[], ["b", "a"]]);
    expect(made).toEqual(["a", "b"]);
  });

  // go-kit TestEndpointCacheErrorAndTimeout
  it("goes on with the last list for a while after an error, then throws the first one until there is a list", () => {
    const { cache, live, closed, made } = setup({ invalidateOnErrorMs: 100 });
    const error = new Error("sd error");
    cache.update(at("a"));
    cache.fail(error);
    expect(live.endpoints()).toEqual(["a"]);
    vi.advanceTimersByTime(50);
    expect(live.endpoints()).toEqual(["a"]);
    cache.fail(new Error("another"));
    vi.advanceTimersByTime(49);
    expect([live.endpoints(), closed]).toEqual([["a"], []]);
    vi.advanceTimersByTime(1);
    expect(() => live.endpoints()).toThrow(error);
    expect([live.instances(), closed]).toEqual([[], ["a"]]);
    cache.fail(new Error("yet another"));
    expect(() => live.endpoints()).toThrow(error);
    cache.update(at("a"));
    expect([live.endpoints(), made, closed]).toEqual([["a"], ["a", "a"], ["a"]]);
  });

  it("has no list at once after an error, if told so, and none before the first", () => {
    const { cache, live, closed } = setup({ invalidateOnErrorMs: 0 });
    const error = new KitError("unavailable", "no registry");
    cache.fail(error);
    expect(() => live.endpoints()).toThrow(error);
    cache.update(at("a"));
    cache.fail(error);
    expect(live.instances()).toEqual([]);
    expect(() => live.endpoints()).toThrow(error);
    expect(closed).toEqual(["a"]);
  });

  it("counts a new error from its own time", () => {
    const { cache, live } = setup({ invalidateOnErrorMs: 100 });
    cache.update(at("a"));
    cache.fail(new Error("first"));
    vi.advanceTimersByTime(90);
    cache.update(at("a"));
    cache.fail(new Error("second"));
    vi.advanceTimersByTime(90);
    expect(live.endpoints()).toEqual(["a"]);
    vi.advanceTimersByTime(10);
    expect(() => live.endpoints()).toThrow("second");
  });

  // go-kit TestBadFactory
  it("leaves out what the factory fails on, and says why", () => {
    const { cache, live, errors } = setup({ broken: new Set(["a", "b"]) });
    cache.update(at("a", "b"));
    expect(live.endpoints()).toEqual([]);
    expect(errors).toEqual([
      [new Error("cannot make a"), "a"],
      [new Error("cannot make b"), "b"],
    ]);
  });

  // go-kit TestDefaultEndpointer
  it("starts with what the instancer knows, and lets go of it when it is closed", async () => {
    const { cache, live, closed } = setup();
    cache.update(at("a", "b"));
    const second = endpointer(cache, ({ address }) => ({ endpoint: address }));
    expect(second.endpoints()).toEqual(["a", "b"]);
    cache.update([]);
    expect(closed).toEqual(["a", "b"]);
    await live.close();
    cache.update(at("c"));
    expect(live.endpoints()).toEqual([]);
    expect(second.endpoints()).toEqual(["c"]);
  });

  it("asks the factory again, later and later, without waiting for a change", () => {
    const waits: number[] = [];
    const waitMs = backoff({ baseMs: 100, maxMs: 400, jitter: 0 });
    const { cache, live, made, broken } = setup({
      broken: new Set(["b"]),
      backoff: (attempt) => {
        waits.push(waitMs(attempt));
        return waitMs(attempt);
      },
    });
    cache.update(at("a", "b", "c"));
    const before = live.endpoints();
    expect(before).toEqual(["a", "c"]);
    vi.advanceTimersByTime(99);
    expect(made).toEqual(["a", "b", "c"]);
    vi.advanceTimersByTime(1 + 200 + 400 + 400);
    expect(waits).toEqual([100, 200, 400, 400, 400]);
    expect(live.endpoints()).toBe(before);
    broken.clear();
    vi.advanceTimersByTime(400);
    expect(live.endpoints()).toEqual(["a", "b", "c"]);
    expect(made).toEqual(["a", "b", "c", "b", "b", "b", "b", "b"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("asks the factory again at once when the list changes, and not for what has gone", () => {
    const { cache, live, made, broken } = setup({ broken: new Set(["b"]) });
    cache.update(at("a", "b"));
    cache.update(at("a", "b", "c"));
    expect(made).toEqual(["a", "b", "b", "c"]);
    broken.clear();
    cache.update(at("a", "c"));
    expect(vi.getTimerCount()).toBe(0);
    expect(live.endpoints()).toEqual(["a", "c"]);
  });

  it("keeps its arrays until something changes", () => {
    const { cache, live } = setup({ broken: new Set(["x"]) });
    cache.update(at("b", "a"));
    const [endpoints, instances] = [live.endpoints(), live.instances()];
    cache.fail(new Error("down"));
    cache.update(at("a", "b"));
    cache.update(at("a", "b", "x"));
    cache.update(at("a", "b"));
    expect(live.endpoints()).toBe(endpoints);
    expect(live.instances()).toBe(instances);
  });

  it("gives new arrays, and the same endpoint, when an instance says something else of itself", () => {
    const { cache, live, made, closed } = setup();
    cache.update([{ address: "a", weight: 1 }, { address: "b" }]);
    const before = live.endpoints();
    cache.update([{ address: "a", weight: 2, zone: "z" }, { address: "b" }]);
    expect(live.endpoints()).not.toBe(before);
    expect(live.endpoints()).toEqual(["a", "b"]);
    expect(live.instances()).toEqual([{ address: "a", weight: 2, zone: "z" }, { address: "b" }]);
    expect([made, closed]).toEqual([["a", "b"], []]);
  });

  it("has taken an instance off the list before it closes its endpoint", () => {
    const cache = instanceCache();
    const seen: unknown[] = [];
    const live = endpointer(cache, ({ address }) => ({
      endpoint: address,
      close: () => void seen.push([address, live.endpoints(), live.instances()]),
    }));
    cache.update(at("a", "b", "c"));
    cache.update(at("b"));
    expect(seen).toEqual([
      ["a", ["b"], at("b")],
      ["c", ["b"], at("b")],
    ]);
  });

  it("closes each endpoint with what made it as `this`, once, and waits for all when it is closed itself", async () => {
    const cache = instanceCache();
    const finish: (() => void)[] = [];
    const closed: string[] = [];
    class Connection {
      readonly endpoint: Endpoint = async () => this.address;
      readonly address: string;
      constructor(address: string) {
        this.address = address;
      }
      close(): Promise<void> {
        closed.push(this.address);
        return new Promise((resolve) => finish.push(resolve));
      }
    }
    const live = endpointer(cache, ({ address }) => new Connection(address));
    cache.update(at("a", "b", "c"));
    cache.update(at("b", "c"));
    const done = vi.fn<() => void>();
    const closing = live.close().then(done);
    expect(closed).toEqual(["a", "b", "c"]);
    expect(live.endpoints()).toEqual([]);
    for (const end of finish) {
      await setImmediate();
      expect(done).not.toHaveBeenCalled();
      end();
    }
    await closing;
    await live.close();
    await live[Symbol.asyncDispose]();
    expect(closed).toEqual(["a", "b", "c"]);
  });

  it("reports what closing throws or rejects with, and closes the others nevertheless", async () => {
    const cache = instanceCache();
    const errors: [unknown, string | undefined][] = [];
    const [thrown, rejected] = [new Error("thrown"), new Error("rejected")];
    const closed = vi.fn<() => void>();
    const close: Record<string, () => void | Promise<void>> = {
      a: () => {
        throw thrown;
      },
      b: () => Promise.reject(rejected),
      c: closed,
    };
    const live = endpointer(cache, ({ address }) => ({ endpoint: address, close: close[address]! }), {
      onError: (error, instance) => errors.push([error, instance?.address]),
    });
    cache.update(at("a", "b", "c"));
    await live.close();
    expect(errors).toEqual([
      [thrown, "a"],
      [rejected, "b"],
    ]);
    expect(closed).toHaveBeenCalledOnce();
  });

  it("reports the instancer's errors", () => {
    const { cache, errors } = setup();
    const error = new Error("down");
    cache.fail(error);
    expect(errors).toEqual([[error, undefined]]);
  });

  it("lives on when its user's callbacks throw or change its instancer", async () => {
    const thrown = uncaught();
    const cache = instanceCache();
    const failing = new Error("of the callback");
    const live = endpointer(
      cache,
      ({ address }) => {
        if (address === "bad") throw new Error("cannot");
        return { endpoint: address, close: () => cache.update(at("c")) };
      },
      {
        onError() {
          throw failing;
        },
      },
    );
    cache.update(at("a", "b", "bad"));
    expect(live.endpoints()).toEqual(["a", "b"]);
    cache.update(at("b"));
    expect(live.endpoints()).toEqual(["c"]);
    await live.close();
    expect(thrown).toEqual([failing]);
  });

  it("leaves out what the factory makes nothing of", () => {
    const cache = instanceCache();
    const onError = vi.fn<(error: unknown) => void>();
    const live = endpointer(cache, () => undefined as never, { onError });
    cache.update(at("a"));
    expect(live.endpoints()).toEqual([]);
    expect(onError.mock.lastCall?.[0]).toBeInstanceOf(TypeError);
  });

  it("has a retry that keeps no process alive, and none once it is closed", async () => {
    vi.useRealTimers();
    const { cache, live, made } = setup({ broken: new Set(["a"]), backoff: () => 1 });
    const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    cache.update(at("a"));
    expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout")).toHaveLength(before);
    await vi.waitUntil(() => made.length > 2);
    vi.useFakeTimers();
    cache.update(at("a", "b"));
    expect(vi.getTimerCount()).toBe(1);
    await live.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("makes the right endpoints even of lists that are out of order", () => {
    const closed: string[] = [];
    let tell!: (event: InstancerEvent) => void;
    const instancer = {
      ...fixedInstancer([]),
      subscribe(listener: (event: InstancerEvent) => void) {
        tell = listener;
        return () => {};
      },
    };
    const live = endpointer(instancer, ({ address }) => ({
      endpoint: address,
      close: () => void closed.push(address),
    }));
    tell({ instances: at("c", "a", "b") });
    tell({ instances: at("b", "c") });
    expect(live.endpoints().toSorted()).toEqual(["b", "c"]);
    expect(closed).toContain("a");
  });

  it("agrees with a plain map, whatever happens in whatever order", () => {
    const name = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
    const step = fc.oneof(
      fc.record({ list: fc.uniqueArray(name, { maxLength: 8 }) }, { noNullPrototype: true }),
      fc.record({ wait: fc.nat(300) }, { noNullPrototype: true }),
      fc.record({ breaks: name }, { noNullPrototype: true }),
      fc.record({ heals: name }, { noNullPrototype: true }),
      fc.constant({ fails: true }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const cache = instanceCache();
        const [broken, open] = [new Set<string>(), new Set<string>()];
        const wrong: string[] = [];
        const live = endpointer(
          cache,
          ({ address }) => {
            if (broken.has(address)) throw new Error("cannot");
            if (open.has(address)) wrong.push(`made ${address} twice`);
            open.add(address);
            return {
              endpoint: address,
              close: () => void (open.delete(address) || wrong.push(`closed ${address} twice`)),
            };
          },
          { invalidateOnErrorMs: 500, backoff: () => 100 },
        );
        let wanted: string[] = [];
        let failedAt: number | undefined;
        for (const each of steps) {
          if ("list" in each) {
            cache.update(at(...each.list));
            wanted = each.list.toSorted();
            failedAt = undefined;
          } else if ("wait" in each) {
            vi.advanceTimersByTime(each.wait);
          } else if ("breaks" in each) {
            broken.add(each.breaks);
          } else if ("heals" in each) {
            broken.delete(each.heals);
            vi.advanceTimersByTime(100);
          } else {
            cache.fail(new Error("down"));
            failedAt ??= Date.now();
          }
          const failed = failedAt !== undefined && Date.now() >= failedAt + 500;
          expect(thrownBy(() => live.endpoints())).toBe(failed ? "down" : undefined);
          if (failed) wanted = [];
          const listed = failed ? [] : live.endpoints();
          expect(listed).toEqual(live.instances().map((instance) => instance.address));
          expect(listed).toEqual(wanted.filter((address) => listed.includes(address)));
          expect(wanted.filter((address) => !broken.has(address) && !listed.includes(address))).toEqual([]);
          expect(wrong).toEqual([]);
          expect([...open].toSorted()).toEqual(listed);
        }
      }),
    );
  });

  it.for([-1, NaN, "100"])("refuses %o as invalidateOnErrorMs", (invalidateOnErrorMs) => {
    const make = (): unknown =>
      endpointer(fixedInstancer([]), () => ({ endpoint: 1 }), { invalidateOnErrorMs: invalidateOnErrorMs as number });
    expect(make).toThrow(TypeError);
    expect(make).toThrow("endpointer: invalidateOnErrorMs must be a number of at least 0");
  });

  it("has the type of what its factory makes", () => {
    const live = endpointer(fixedInstancer([]), () => ({ endpoint: async (n: number) => `${n}` }));
    expectTypeOf(live.endpoints()).toEqualTypeOf<readonly ((n: number) => Promise<string>)[]>();
    expectTypeOf(live).toExtend<Endpointer<(n: number) => Promise<string>>>();
    expectTypeOf<Endpointer>().toEqualTypeOf<Endpointer<(request: any, ctx: Context) => Promise<any>>>();
  });
});
