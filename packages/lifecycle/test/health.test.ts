import { EventEmitter, once } from "node:events";

import { background, codeOf, type Context, type Endpoint } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";

import { type Check, health, type HealthOptions, type HealthReport, runGroup } from "../src/index.ts";

/** What a probe gets to know. */
const ask = (endpoint: Endpoint<unknown, HealthReport>) =>
  endpoint({}, background).catch((error: unknown) => ({
    code: codeOf(error),
    ...(error as { details?: object }).details,
  }));

/** The health of a process that is up. */
function serving(options?: HealthOptions) {
  const made = health(options);
  made.start();
  return made;
}

const passing: Check = () => {};
const slow: Check = () => new Promise((resolve) => setTimeout(resolve, 80));

describe("readiness", () => {
  it("is ok while all checks pass", async () => {
    const { readiness } = serving({ checks: { database: passing, queue: async () => "connected" } });
    expect(await ask(readiness)).toEqual({ status: "ok", checks: { database: "ok", queue: "ok" } });
    expect(await ask(serving().readiness)).toEqual({ status: "ok", checks: {} });
  });

  it.each<[string, Check]>([
    ["rejects", () => Promise.reject(new Error("password is hunter2"))],
    [
      "throws",
      () => {
        throw new Error("password is hunter2");
      },
    ],
    ["rejects with nothing", () => Promise.reject()],
    ["is no function", "hunter2" as unknown as Check],
  ])("fails as unavailable when a check %s, and says which but not why", async (_, check) => {
    const { readiness } = serving({ checks: { database: check, queue: passing } });
    const answer = await ask(readiness);
    expect(answer).toEqual({ code: "unavailable", status: "failing", checks: { database: "failing", queue: "ok" } });
    expect(JSON.stringify(answer)).not.toContain("hunter2");
  });

  it("tells the owner why", async () => {
    const lost = new Error("connection lost");
    const onFailure = vi.fn<(name: string, error: unknown) => void>();
    const { readiness } = serving({ checks: { database: () => Promise.reject(lost), queue: passing }, onFailure });
    await ask(readiness);
    await ask(readiness);
    expect(onFailure.mock.calls).toEqual([["database", lost]]);
  });

  it("is not made ready by a listener that throws", async () => {
    const { readiness } = serving({
      checks: { database: () => Promise.reject(new Error("lost")) },
      onFailure() {
        throw new Error("disk full");
      },
    });
    await expect(readiness({}, background)).rejects.toThrow("disk full");
  });

  it("fails, and asks nothing, before the process is up and from when it drains", async () => {
    const check = vi.fn<Check>();
    const made = health({ checks: { database: check } });
    const failing = { code: "unavailable", status: "failing", checks: {} };
    expect(await ask(made.readiness)).toEqual(failing);
    expect(check).not.toHaveBeenCalled();
    made.start();
    expect(await ask(made.readiness)).toMatchObject({ status: "ok" });
    made.stop();
    expect(await ask(made.readiness)).toEqual(failing);
    expect(check).toHaveBeenCalledOnce();
  });

  it("fails also for who asked before the drain and is answered after", async () => {
    const asked = new EventEmitter();
    const made = serving({ checks: { database: () => once(asked, "pass") } });
    const answer = ask(made.readiness);
    made.stop();
    asked.emit("pass");
    expect(await answer).toMatchObject({ code: "unavailable", checks: {} });
  });

  it("does not follow changes of the options it was given", async () => {
    const checks: Record<string, Check> = { database: passing };
    const { readiness } = serving({ checks });
    checks["queue"] = () => Promise.reject(new Error("lost"));
    expect(await ask(readiness)).toEqual({ status: "ok", checks: { database: "ok" } });
  });

  it("takes any name for a check", async () => {
    const checks = Object.fromEntries(["__proto__", "constructor", ""].map((name) => [name, passing]));
    const { readiness } = serving({ checks });
    const answer = (await ask(readiness)) as HealthReport;
    expect(Object.entries(answer.checks)).toEqual([
      ["__proto__", "ok"],
      ["constructor", "ok"],
      ["", "ok"],
    ]);
  });

  it("is an endpoint like any other", () => {
    expectTypeOf(health().readiness).toEqualTypeOf<Endpoint<unknown, HealthReport>>();
  });
});

describe("liveness", () => {
  it("is ok whatever the process depends on, and before and after it serves", async () => {
    const made = health({ checks: { database: () => Promise.reject(new Error("lost")) } });
    const ok = { status: "ok", checks: {} };
    expect(await ask(made.liveness)).toEqual(ok);
    made.start();
    await ask(made.readiness);
    made.stop();
    expect(await ask(made.liveness)).toEqual(ok);
  });

  it("fails by the checks that only a restart can mend", async () => {
    const { liveness, readiness } = serving({ livenessChecks: { consumer: () => Promise.reject(new Error("stuck")) } });
    expect(await ask(liveness)).toEqual({ code: "unavailable", status: "failing", checks: { consumer: "failing" } });
    expect(await ask(readiness)).toEqual({ status: "ok", checks: {} });
  });
});

describe("a check", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    const left = vi.getTimerCount();
    vi.useRealTimers();
    if (left > 0) throw new Error(`${left} timers are left`);
  });

  it("fails when it takes too long, whether it listens to its context or not", async () => {
    const contexts: Context[] = [];
    const onFailure = vi.fn<(name: string, error: unknown) => void>();
    const deaf: Check = (ctx) => {
      contexts.push(ctx);
      return new Promise(() => {});
    };
    const { readiness } = serving({ checks: { deaf, quick: passing }, timeoutMs: 100, onFailure });
    const answer = ask(readiness);
    await vi.advanceTimersByTimeAsync(99);
    expect(onFailure).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await answer).toMatchObject({ status: "failing", checks: { deaf: "failing", quick: "ok" } });
    expect(onFailure.mock.calls.map(([name, error]) => [name, codeOf(error)])).toEqual([["deaf", "deadline_exceeded"]]);
    expect(contexts.map(({ cancelled }) => codeOf(cancelled))).toEqual(["deadline_exceeded"]);
  });

  it("runs beside the others, not after them", async () => {
    const { readiness } = serving({ checks: { one: slow, two: slow, three: slow }, timeoutMs: 100 });
    const answer = ask(readiness);
    await vi.advanceTimersByTimeAsync(80);
    expect(await answer).toEqual({ status: "ok", checks: { one: "ok", two: "ok", three: "ok" } });
  });

  it("runs once for all who ask at the same time and shortly after", async () => {
    const check = vi.fn<Check>(() => new Promise((resolve) => setTimeout(resolve, 50)));
    const { readiness } = serving({ checks: { database: check }, cacheMs: 1000 });
    const first = [ask(readiness), ask(readiness)];
    await vi.advanceTimersByTimeAsync(50);
    await Promise.all(first);
    await vi.advanceTimersByTimeAsync(999);
    await ask(readiness);
    expect(check).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(1);
    const again = ask(readiness);
    expect(check).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(50);
    await again;
  });

  it("runs anew after a failure was told for as long as a success is", async () => {
    let broken = true;
    const check = vi.fn<Check>(() => (broken ? Promise.reject(new Error("lost")) : Promise.resolve()));
    let now = 0;
    const { readiness } = serving({ checks: { database: check }, now: () => now });
    expect(await ask(readiness)).toMatchObject({ status: "failing" });
    broken = false;
    now = 999;
    expect(await ask(readiness)).toMatchObject({ status: "failing" });
    now = 1000;
    expect(await ask(readiness)).toMatchObject({ status: "ok" });
    expect(check).toHaveBeenCalledTimes(2);
  });

  it("runs each time when nothing is to be cached", async () => {
    const check = vi.fn<Check>();
    const { readiness } = serving({ checks: { database: check }, cacheMs: 0 });
    await ask(readiness);
    await ask(readiness);
    expect(check).toHaveBeenCalledTimes(2);
  });
});

describe("in a group", () => {
  it("turns ready when all are up, and not ready before anything else stops", async () => {
    const made = health();
    const states: unknown[] = [];
    const tell = async () => {
      const { status } = (await ask(made.readiness)) as HealthReport;
      states.push(status);
    };
    const signals = new EventEmitter();
    const ending = runGroup(
      [
        { name: "database", phase: "close", start: tell, stop: tell },
        { name: "http", start: tell, stop: tell },
        { name: "consul", phase: "deregister", start: tell, stop: tell },
        made,
      ],
      { signalSource: signals },
    );
    await vi.waitFor(() => ask(made.readiness).then((answer) => expect(answer).toMatchObject({ status: "ok" })));
    expect(states).toEqual(["failing", "failing", "failing"]);
    signals.emit("SIGTERM", "SIGTERM");
    await ending;
    expect(states.slice(3)).toEqual(["failing", "failing", "failing"]);
  });
});

describe("options", () => {
  it.each<[string, HealthOptions]>([
    ["timeoutMs must be a positive number, got 0", { timeoutMs: 0 }],
    ["timeoutMs must be a positive number, got NaN", { timeoutMs: Number.NaN }],
    ["timeoutMs must be a positive number, got Infinity", { timeoutMs: Number.POSITIVE_INFINITY }],
    ["cacheMs must be at least 0, got -1", { cacheMs: -1 }],
    ["cacheMs must be at least 0, got NaN", { cacheMs: Number.NaN }],
  ])("are refused at once: %s", (message, options) => {
    expect(() => health(options)).toThrow(new TypeError(`health: ${message}`));
  });
});
