import { setImmediate } from "node:timers/promises";
import { codeOf, type Context, KitError } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Instance, watchInstancer, type WatchInstancerOptions } from "../src/index.ts";
import { at, recorder } from "./recorder.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Run {
  readonly update: (instances: Iterable<Instance>) => void;
  readonly ctx: Context;
  readonly end: (error?: Error) => void;
}

/** An instancer whose watches are in the test's hand; each also ends with its context, as a good one does. */
function setup(options: Partial<WatchInstancerOptions> = {}) {
  const runs: Run[] = [];
  const waits: number[] = [];
  const instancer = watchInstancer({
    watch: (update, ctx) =>
      new Promise((resolve, reject) => {
        ctx.onCancel(reject);
        runs.push({ update, ctx, end: (error) => (error === undefined ? resolve() : reject(error)) });
      }),
    backoff(attempt) {
      waits.push(attempt);
      return 100;
    },
    ...options,
  });
  return { instancer, runs, waits };
}

describe("watchInstancer", () => {
  it("starts at once and tells what the watch says", () => {
    const { instancer, runs } = setup({ now: () => 5 });
    expect(runs).toHaveLength(1);
    expect(instancer.status).toEqual({ state: "pending", since: 5 });
    const { heard, unsubscribe } = recorder(instancer);
    runs[0]!.update(at("b", "a"));
    runs[0]!.update(at("a", "b"));
    runs[0]!.update(at("c"));
    unsubscribe();
    runs[0]!.update(at("d"));
    expect(heard).toEqual([["a", "b"], ["c"]]);
  });

  it("tells why a watch has failed, and watches again after a wait that grows until there is a list", async () => {
    const { instancer, runs, waits } = setup();
    const { heard } = recorder(instancer);
    for (let n = 0; n < 3; n++) {
      runs[n]!.end(new KitError("permission_denied", "no token"));
      await vi.advanceTimersByTimeAsync(99);
      expect(runs).toHaveLength(n + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(runs).toHaveLength(n + 2);
    }
    expect(instancer.status.state).toBe("failing");
    runs[3]!.update(at("a"));
    runs[3]!.end(new KitError("unavailable", "gone"));
    await vi.advanceTimersByTimeAsync(100);
    expect(waits).toEqual([0, 1, 2, 0]);
    expect(heard).toEqual([expect.objectContaining({ code: "permission_denied" }), ["a"], expect.any(KitError)]);
    expect(instancer.status.state).toBe("stale");
    runs[4]!.update(at("a"));
    expect(heard.at(-1)).toEqual(["a"]);
  });

  it("gives a driver's error a code, and keeps what it says to itself", async () => {
    const cause = new Error("connect ECONNREFUSED 10.0.0.3:8500");
    const { instancer, runs } = setup();
    const { heard } = recorder(instancer);
    runs[0]!.end(cause);
    await setImmediate();
    expect(codeOf(heard[0])).toBe("unavailable");
    expect(heard[0]).toMatchObject({ message: "service discovery is unavailable", cause });
  });

  it("watches again, after a wait, when a watch just ends or throws before it has a promise", async () => {
    const watch = vi.fn<WatchInstancerOptions["watch"]>();
    watch.mockResolvedValueOnce();
    watch.mockImplementationOnce(() => {
      throw new Error("at once");
    });
    watch.mockImplementationOnce(async (update) => update(at("a")));
    const { instancer } = setup({ watch });
    const { heard } = recorder(instancer);
    await setImmediate();
    expect(heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(100);
    expect(watch).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(100);
    expect(heard).toEqual([expect.objectContaining({ cause: new Error("at once") }), ["a"]]);
    await vi.advanceTimersByTimeAsync(99);
    expect(watch).toHaveBeenCalledTimes(3);
    const closing = instancer.close();
    await closing;
  });

  it("takes nothing more from a watch that has ended, and ends its context", async () => {
    const { instancer, runs } = setup();
    const { heard } = recorder(instancer);
    const ended = vi.fn<(cause: Error) => void>();
    runs[0]!.update(at("a"));
    runs[0]!.ctx.onCancel(ended);
    runs[0]!.end();
    await vi.advanceTimersByTimeAsync(100);
    expect(ended).toHaveBeenCalledOnce();
    runs[1]!.update(at("a", "b"));
    runs[0]!.update(at("stale"));
    expect(heard).toEqual([["a"], ["a", "b"]]);
    expect(runs[1]!.ctx.cancelled).toBeUndefined();
  });

  it("reports a list that is none like any other failure of the watch", async () => {
    const { instancer } = setup({ watch: async (update) => update([{ address: "" }]) });
    const { heard } = recorder(instancer);
    await setImmediate();
    expect(heard).toEqual([expect.objectContaining({ cause: expect.any(TypeError) as unknown })]);
  });

  it("ends the watch when it is closed, waits for it, and tells nobody", async () => {
    let finish!: () => void;
    const cleanedUp = vi.fn<() => void>();
    const instancer = watchInstancer({
      async watch(update, ctx) {
        update(at("a"));
        await new Promise<void>((resolve) => (finish = resolve));
        cleanedUp();
        throw new KitError("canceled", "the end", { cause: ctx.cancelled });
      },
    });
    const { heard } = recorder(instancer);
    const closing = Promise.all([instancer.close(), instancer.close(), instancer[Symbol.asyncDispose]()]);
    await setImmediate();
    expect(cleanedUp).not.toHaveBeenCalled();
    finish();
    await closing;
    expect(cleanedUp).toHaveBeenCalledOnce();
    expect(heard).toEqual([["a"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("closes at once while it waits to watch again, or when it is told to by a listener", async () => {
    const { instancer, runs } = setup();
    runs[0]!.end(new Error("down"));
    await setImmediate();
    expect(vi.getTimerCount()).toBe(1);
    await instancer.close();
    expect(vi.getTimerCount()).toBe(0);

    const second = setup();
    let closing: Promise<void> | undefined;
    second.instancer.subscribe(() => {
      closing ??= second.instancer.close();
    });
    second.runs[0]!.update(at("a"));
    second.runs[0]!.update(at("b"));
    await closing;
    expect(second.instancer.status.state).toBe("fresh");
    expect(second.runs).toHaveLength(1);
  });

  it("waits from 100 ms to 10 s, unless told otherwise", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const started: number[] = [];
    const instancer = watchInstancer({
      async watch() {
        started.push(Date.now());
        throw new Error("down");
      },
    });
    await vi.advanceTimersByTimeAsync(40_000);
    const waits = started.slice(1).map((time, n) => time - started[n]!);
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    await instancer.close();
    vi.restoreAllMocks();
  });
});
