import { EventEmitter } from "node:events";

import { codeOf, type Context, KitError } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";

import { type Actor, type GroupEnd, type Phase, runGroup, type RunGroupOptions } from "../src/index.ts";

let log: string[];
let signals: EventEmitter;

beforeEach(() => {
  log = [];
  signals = new EventEmitter();
});

/** Lets everything happen that waits for nothing. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

const send = async (signal: NodeJS.Signals) => {
  signals.emit(signal, signal);
  await settled();
};

const group = (actors: readonly Actor[], options?: RunGroupOptions) =>
  runGroup(actors, { signalSource: signals, ...options });

const never = () => new Promise<never>(() => {});

const untilOver = (ctx: Context) =>
  new Promise<never>((_, reject) => {
    ctx.onCancel(reject);
  });

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

function deferred(): Deferred {
  let [resolve, reject]: [() => void, (error: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<void>((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
}

/** An actor that writes down what is done to it. */
function recorded(name: string, actor: Omit<Actor, "name"> = {}): Actor {
  return {
    name,
    ...(actor.phase && { phase: actor.phase }),
    async start(ctx) {
      log.push(`start ${name}`);
      await actor.start?.(ctx);
      log.push(`${name} up`);
    },
    async run(ctx) {
      await (actor.run ?? untilOver)(ctx);
    },
    async stop(ctx) {
      log.push(`stop ${name}`);
      await actor.stop?.(ctx);
      log.push(`${name} down`);
    },
  };
}

const phased = (name: string, phase: Phase, stop?: Actor["stop"]) => recorded(name, { phase, ...(stop && { stop }) });

describe("starting", () => {
  it("goes one after another, in the order of the list", async () => {
    const opened = deferred();
    void group([recorded("database", { start: () => opened.promise }), recorded("http"), recorded("consul")]);
    await settled();
    expect(log).toEqual(["start database"]);
    opened.resolve();
    await settled();
    expect(log).toEqual(["start database", "database up", "start http", "http up", "start consul", "consul up"]);
  });

  it("runs an actor as soon as it is up, without waiting for the rest", async () => {
    const run = vi.fn<() => Promise<never>>(never);
    void group([
      { name: "worker", run },
      { name: "slow", start: never },
    ]);
    await settled();
    expect(run).toHaveBeenCalledOnce();
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("no port"))],
    [
      "throws",
      () => {
        throw new Error("no port");
      },
    ],
  ])("ends the group when it %s: what is up stops, what is not is left alone", async (_, start) => {
    const run = vi.fn<() => Promise<void>>();
    const end = await group([recorded("database"), { ...recorded("http", { start }), run }, recorded("consul")]);
    expect(end).toMatchObject({ reason: "failed", actor: "http", message: "http failed", exitCode: 1, stopErrors: [] });
    expect(end.reason === "failed" && end.error).toEqual(new Error("no port"));
    expect(log).toEqual(["start database", "database up", "start http", "stop database", "database down"]);
    expect(run).not.toHaveBeenCalled();
  });

  it("is cut off by a signal, and what still comes up is stopped", async () => {
    const opened = deferred();
    const start = vi.fn<(ctx: Context) => Promise<void>>(() => opened.promise);
    const run = vi.fn<() => Promise<void>>();
    const ending = group([{ ...recorded("database"), start, run }, recorded("http")]);
    await settled();
    await send("SIGTERM");
    expect(codeOf(start.mock.calls[0]?.[0].cancelled)).toBe("canceled");
    opened.resolve();
    expect(await ending).toMatchObject({ reason: "signal", stopErrors: [], exitCode: 0 });
    expect(log).toEqual(["stop database", "database down"]);
    expect(run).not.toHaveBeenCalled();
  });

  it("may give up when it is cut off, which is no failure", async () => {
    const ending = group([recorded("database", { start: untilOver })]);
    await settled();
    await send("SIGTERM");
    expect(await ending).toMatchObject({ reason: "signal", stopErrors: [], exitCode: 0 });
    expect(log).toEqual(["start database"]);
  });
});

describe("the end", () => {
  it("comes with the first actor that finishes", async () => {
    const done = deferred();
    const ending = group([recorded("database"), recorded("import", { run: () => done.promise }), recorded("http")]);
    await settled();
    log.length = 0;
    done.resolve();
    expect(await ending).toEqual({
      reason: "finished",
      actor: "import",
      message: "import finished",
      stopErrors: [],
      exitCode: 0,
    });
    expect(log.toSorted()).toEqual([
      "database down",
      "http down",
      "import down",
      "stop database",
      "stop http",
      "stop import",
    ]);
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("connection lost"))],
    [
      "throws",
      () => {
        throw new Error("connection lost");
      },
    ],
    [
      "rejects as cancelled without having been told to stop",
      () => Promise.reject(new KitError("canceled", "connection lost")),
    ],
  ])("comes with the first actor whose work %s", async (_, run) => {
    const end = await group([recorded("http"), { name: "worker", run }]);
    expect(end).toMatchObject({
      reason: "failed",
      actor: "worker",
      message: "worker failed",
      exitCode: 1,
      stopErrors: [],
    });
    expect(end.reason === "failed" && end.error).toMatchObject({ message: "connection lost" });
  });

  it.each(["SIGINT", "SIGTERM"] as const)("comes with %s", async (signal) => {
    const ending = group([recorded("http")]);
    await settled();
    await send(signal);
    expect(await ending).toEqual({
      reason: "signal",
      signal,
      message: `received signal ${signal}`,
      stopErrors: [],
      exitCode: 0,
    });
  });

  it("comes with the signals that were asked for, and no others", async () => {
    const ending = group([recorded("http")], { signals: ["SIGHUP", "SIGHUP"] });
    await settled();
    await send("SIGTERM");
    expect(log).toEqual(["start http", "http up"]);
    await send("SIGHUP");
    expect(await ending).toMatchObject({ signal: "SIGHUP", exitCode: 0 });
  });

  it("has one reason, whatever else happens at the same time", async () => {
    const end = await group([
      { name: "first", run: () => Promise.reject(new Error("first")) },
      { name: "second", run: () => Promise.reject(new Error("second")) },
      { name: "third", run: () => Promise.resolve() },
    ]);
    expect(end).toMatchObject({ reason: "failed", actor: "first" });
  });

  it("keeps no listener on the process, and had one for each signal while it ran", async () => {
    const before = [process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")];
    const done = deferred();
    const ending = runGroup([{ name: "work", run: () => done.promise }]);
    const during = [process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")];
    expect(during).toEqual(before.map((count) => count + 1));
    done.resolve();
    await ending;
    expect([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")]).toEqual(before);
  });

  it("has the type of its reason", () => {
    expectTypeOf(group([])).toEqualTypeOf<Promise<GroupEnd>>();
    expectTypeOf<Extract<GroupEnd, { reason: "signal" }>["signal"]>().toEqualTypeOf<NodeJS.Signals>();
    expectTypeOf<Extract<GroupEnd, { reason: "failed" }>["error"]>().toEqualTypeOf<unknown>();
  });
});

describe("stopping", () => {
  it("goes phase by phase, backwards through the list", async () => {
    const ending = group([
      phased("database", "close"),
      phased("cache", "close"),
      recorded("http"),
      phased("grpc", "drain"),
      phased("consul", "deregister"),
      phased("readiness", "deregister"),
    ]);
    await settled();
    log.length = 0;
    await send("SIGTERM");
    await ending;
    expect(log).toEqual([
      "stop readiness",
      "stop consul",
      "readiness down",
      "consul down",
      "stop grpc",
      "stop http",
      "grpc down",
      "http down",
      "stop cache",
      "cache down",
      "stop database",
      "database down",
    ]);
  });

  it.each(["deregister", "drain"] as const)("does not let one actor of %s wait for another", async (phase) => {
    const [first, second] = [deferred(), deferred()];
    const ending = group([
      phased("later", "close"),
      phased("first", phase, () => first.promise),
      phased("second", phase, () => second.promise),
    ]);
    await settled();
    log.length = 0;
    await send("SIGTERM");
    expect(log).toEqual(["stop second", "stop first"]);
    first.resolve();
    await settled();
    expect(log.at(-1)).toBe("first down");
    second.resolve();
    await ending;
    expect(log.slice(-3)).toEqual(["second down", "stop later", "later down"]);
  });

  it("closes one by one, since what is closed last may still be needed", async () => {
    const flushed = deferred();
    const ending = group([phased("database", "close"), phased("cache", "close", () => flushed.promise)]);
    await settled();
    log.length = 0;
    await send("SIGTERM");
    expect(log).toEqual(["stop cache"]);
    flushed.resolve();
    await ending;
    expect(log).toEqual(["stop cache", "cache down", "stop database", "database down"]);
  });

  it("ends the context of each actor when its turn comes", async () => {
    const deregistered = deferred();
    const contexts: Context[] = [];
    const run = (ctx: Context) => {
      contexts.push(ctx);
      return untilOver(ctx);
    };
    const ending = group([
      { name: "http", run },
      { name: "consul", phase: "deregister", run, stop: () => deregistered.promise },
    ]);
    await settled();
    await send("SIGTERM");
    expect(contexts.map(({ cancelled }) => cancelled && codeOf(cancelled))).toEqual([undefined, "canceled"]);
    deregistered.resolve();
    await ending;
    expect(contexts.map(({ cancelled }) => cancelled && codeOf(cancelled))).toEqual(["canceled", "canceled"]);
  });

  it("waits for the work too, not only for stop", async () => {
    const last = deferred();
    const ending = group([phased("database", "close"), recorded("queue", { run: () => last.promise })]);
    await settled();
    await send("SIGTERM");
    expect(log).toContain("queue down");
    expect(log).not.toContain("stop database");
    last.resolve();
    expect(await ending).toMatchObject({ reason: "signal", stopErrors: [] });
    expect(log.at(-1)).toBe("database down");
  });

  it("stops what was up before the group, whatever became of the group", async () => {
    const stop = vi.fn<() => Promise<void>>();
    const broken: Actor = { name: "http", start: () => Promise.reject(new Error("no port")) };
    await group([broken, { name: "pool", phase: "close", stop }]);
    expect(stop).toHaveBeenCalledOnce();
  });

  it("stops the one that ended the group as well, once", async () => {
    await group([recorded("worker", { run: () => Promise.reject(new Error("lost")) })]);
    expect(log).toEqual(["start worker", "worker up", "stop worker", "worker down"]);
  });

  it("collects what goes wrong, and goes on", async () => {
    const [lost, late, torn] = [new Error("registry lost"), new Error("work lost"), new Error("torn")];
    const ending = group([
      phased("database", "close"),
      { name: "queue", run: (ctx) => untilOver(ctx).catch(() => Promise.reject(late)) },
      {
        name: "consul",
        phase: "deregister",
        stop() {
          throw lost;
        },
      },
      phased("cache", "close", () => Promise.reject(torn)),
    ]);
    await settled();
    await send("SIGTERM");
    expect(await ending).toMatchObject({
      reason: "signal",
      stopErrors: [
        { actor: "consul", error: lost },
        { actor: "queue", error: late },
        { actor: "cache", error: torn },
      ],
      exitCode: 1,
    });
    expect(log.at(-1)).toBe("database down");
  });

  it("takes no offence at work that ends as cancelled, by our error or the platform's", async () => {
    const ending = group([
      { name: "ours", run: untilOver },
      { name: "platform's", run: (ctx) => untilOver(ctx).catch(() => Promise.reject(AbortSignal.abort().reason)) },
    ]);
    await settled();
    await send("SIGTERM");
    expect(await ending).toMatchObject({ stopErrors: [], exitCode: 0 });
  });

  it("says once what the actor failed with that ended the group", async () => {
    const lost = new Error("connection lost");
    expect(await group([{ name: "queue", run: () => Promise.reject(lost) }])).toMatchObject({
      error: lost,
      stopErrors: [],
    });
  });
});

describe("the bounds of stopping", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  });

  afterEach(() => {
    const left = vi.getTimerCount();
    vi.useRealTimers();
    if (left > 0) throw new Error(`${left} timers are left`);
  });

  it("go on serving for the drain delay, between deregister and drain", async () => {
    const ending = group([recorded("http"), recorded("consul", { phase: "deregister" })], { drainDelayMs: 5000 });
    await settled();
    log.length = 0;
    await send("SIGTERM");
    vi.advanceTimersByTime(4999);
    await settled();
    expect(log).toEqual(["stop consul", "consul down"]);
    vi.advanceTimersByTime(1);
    expect(await ending).toMatchObject({ exitCode: 0 });
    expect(log).toEqual(["stop consul", "consul down", "stop http", "http down"]);
  });

  it("do not delay a group that was never up as a whole, since nobody was told to come", async () => {
    const ending = group([recorded("http"), recorded("consul", { start: untilOver })], { drainDelayMs: 5000 });
    await settled();
    await send("SIGTERM");
    expect(await ending).toMatchObject({ exitCode: 0 });
  });

  it("leave behind what has not stopped in time, and name it", async () => {
    const ending = group([
      recorded("database", { phase: "close" }),
      recorded("stuck", { stop: never }),
      { name: "deaf", run: never },
      recorded("http"),
    ]);
    await settled();
    await send("SIGTERM");
    vi.advanceTimersByTime(24_999);
    await settled();
    vi.advanceTimersByTime(1);
    const { stopErrors, exitCode } = await ending;
    expect(stopErrors.map(({ actor, error }) => [actor, codeOf(error), (error as Error).message])).toEqual(
      ["database", "stuck", "deaf"].map((actor) => [actor, "deadline_exceeded", "not stopped within 25000 ms"]),
    );
    expect(exitCode).toBe(1);
    expect(log).not.toContain("stop database");
  });

  it("count the drain delay in", async () => {
    const ending = group([recorded("stuck", { stop: never })], { drainDelayMs: 600, stopTimeoutMs: 1000 });
    await settled();
    await send("SIGTERM");
    vi.advanceTimersByTime(600);
    await settled();
    expect(log.at(-1)).toBe("stop stuck");
    vi.advanceTimersByTime(400);
    expect(await ending).toMatchObject({ exitCode: 1 });
  });

  it("tell stop until when it has time, and when that is over", async () => {
    const stop = vi.fn<(ctx: Context) => Promise<never>>(never);
    const ending = group([{ name: "http", stop }], { stopTimeoutMs: 1000 });
    await settled();
    const now = Date.now();
    await send("SIGTERM");
    const ctx = stop.mock.calls[0]![0];
    expect(ctx.deadline).toBe(now + 1000);
    expect(ctx.cancelled).toBeUndefined();
    vi.advanceTimersByTime(1000);
    await ending;
    expect(codeOf(ctx.cancelled)).toBe("deadline_exceeded");
  });

  it("lets stop cut off what does not finish, in the moment the time is up", async () => {
    const cutOff = vi.fn<() => void>();
    const ending = group([{ name: "http", stop: (ctx) => new Promise(() => ctx.onCancel(cutOff)) }]);
    await settled();
    await send("SIGTERM");
    expect(cutOff).not.toHaveBeenCalled();
    vi.advanceTimersByTime(25_000);
    await ending;
    expect(cutOff).toHaveBeenCalledOnce();
  });

  it("end at once with a second signal", async () => {
    const contexts: Context[] = [];
    const stop = (ctx: Context) => {
      contexts.push(ctx);
      return never();
    };
    const ending = group([
      { name: "database", phase: "close", run: (ctx) => untilOver(ctx).finally(() => log.push("database told")) },
      { name: "http", stop },
    ]);
    await settled();
    await send("SIGTERM");
    await send("SIGINT");
    const { stopErrors, ...end } = await ending;
    expect(end).toMatchObject({
      reason: "signal",
      signal: "SIGTERM",
      message: "received signal SIGTERM",
      exitCode: 130,
    });
    expect(stopErrors.map(({ actor, error }) => [actor, codeOf(error), (error as Error).message])).toEqual([
      ["database", "canceled", "not stopped when SIGINT came"],
      ["http", "canceled", "not stopped when SIGINT came"],
    ]);
    expect(contexts.map(({ cancelled }) => codeOf(cancelled))).toEqual(["canceled"]);
    await settled();
    expect(log).toEqual(["database told"]);
    expect(signals.eventNames()).toEqual([]);
  });

  it("end at once with a second signal also when both come before anything could be done", async () => {
    const stop = vi.fn<() => void>();
    const ending = group([{ name: "http", stop }]);
    await settled();
    signals.emit("SIGTERM", "SIGTERM");
    signals.emit("SIGINT", "SIGINT");
    expect(await ending).toMatchObject({ exitCode: 130, stopErrors: [{ actor: "http" }] });
    expect(stop).not.toHaveBeenCalled();
  });

  it("end the drain delay with a second signal", async () => {
    const ending = group([recorded("http")], { drainDelayMs: 5000 });
    await settled();
    await send("SIGTERM");
    vi.advanceTimersByTime(500);
    await send("SIGTERM");
    expect(await ending).toMatchObject({ exitCode: 143 });
    expect(log).not.toContain("stop http");
  });

  it("take the same signal within half a second for an echo, such as npm makes", async () => {
    const ending = group([recorded("http", { stop: never })]);
    await settled();
    await send("SIGINT");
    vi.advanceTimersByTime(499);
    await send("SIGINT");
    expect(log.at(-1)).toBe("stop http");
    vi.advanceTimersByTime(1);
    await send("SIGINT");
    expect(await ending).toMatchObject({ signal: "SIGINT", exitCode: 130 });
  });

  it("take one signal as a wish that is being granted, when an actor had ended the group", async () => {
    const stopped = deferred();
    const ending = group([
      { name: "http", stop: () => stopped.promise },
      { name: "worker", run: () => Promise.resolve() },
    ]);
    await settled();
    await send("SIGTERM");
    stopped.resolve();
    expect(await ending).toMatchObject({ reason: "finished", actor: "worker", exitCode: 0 });
  });

  it("hear of what fails after the end no more", async () => {
    const late = deferred();
    const ending = group([{ name: "http", stop: () => late.promise }]);
    await settled();
    await send("SIGTERM");
    await send("SIGINT");
    const { stopErrors } = await ending;
    late.reject(new Error("too late"));
    await settled();
    expect(stopErrors).toHaveLength(1);
  });
});

describe("options", () => {
  it.each<[string, RunGroupOptions]>([
    ["stopTimeoutMs must be a positive number, got 0", { stopTimeoutMs: 0 }],
    ["stopTimeoutMs must be a positive number, got NaN", { stopTimeoutMs: Number.NaN }],
    ["stopTimeoutMs must be a positive number, got Infinity", { stopTimeoutMs: Number.POSITIVE_INFINITY }],
    ["drainDelayMs must be at least 0 and less than stopTimeoutMs, got -1", { drainDelayMs: -1 }],
    ["drainDelayMs must be at least 0 and less than stopTimeoutMs, got NaN", { drainDelayMs: Number.NaN }],
    ["drainDelayMs must be at least 0 and less than stopTimeoutMs, got 25000", { drainDelayMs: 25_000 }],
    ["signals must be signals that a process can catch, got SIGKILL", { signals: ["SIGKILL"] }],
    ["signals must be signals that a process can catch, got SIGFOO", { signals: ["SIGFOO" as NodeJS.Signals] }],
  ])("are refused at once: %s", (message, options) => {
    expect(() => group([], options)).toThrow(new TypeError(`runGroup: ${message}`));
    expect(signals.eventNames()).toEqual([]);
  });

  it("are refused at once: an unknown phase", () => {
    const actor = { name: "http", phase: "later" as Phase };
    expect(() => group([actor])).toThrow(
      new TypeError("runGroup: phase of http must be one of deregister, drain, close, got later"),
    );
  });
});
