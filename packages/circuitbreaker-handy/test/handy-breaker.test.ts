import { background, type Endpoint, KitError } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import { type HandyBreaker, handyBreaker, type HandyBreakerOptions } from "../src/index.ts";

const failure = new Error("failed");
const excluded = new KitError("invalid_argument", "excluded");

interface Bench {
  readonly breaker: HandyBreaker;
  readonly changes: string[];
  sleep(ms: number): void;
  /** That many calls in two steps. */
  succeed(times: number): void;
  fail(times: number): void;
  /** Whether a call is let through now; its outcome never comes. */
  allows(): boolean;
}

function bench(options: Partial<HandyBreakerOptions> = {}): Bench {
  let time = 1_000_000;
  const changes: string[] = [];
  const breaker = handyBreaker({
    failureRatio: 0,
    now: () => time,
    onStateChange: ({ from, to }) => void changes.push(`${from} to ${to}`),
    ...options,
  });
  return {
    breaker,
    changes,
    sleep: (ms) => void (time += ms),
    succeed(times) {
      for (let i = 0; i < times; i += 1) breaker.allow()();
    },
    fail(times) {
      for (let i = 0; i < times; i += 1) breaker.allow()(failure);
    },
    allows() {
      try {
        breaker.allow();
        return true;
      } catch {
        return false;
      }
    },
  };
}

describe("as a middleware", () => {
  it("lets calls through while no more fail than may, and then none, as go-kit's TestHandyBreaker", async () => {
    const [failureRatio, primeWith] = [0.05, 100];
    let isDown = false;
    const endpoint = vi.fn<Endpoint>(async () => {
      if (isDown) throw failure;
      return {};
    });
    const call = handyBreaker({ failureRatio, now: () => 0 })(endpoint);
    for (let i = 0; i < primeWith; i += 1) await call({}, background);
    isDown = true;
    for (let n = 0; n / (primeWith + n) <= failureRatio; n += 1) {
      await expect(call({}, background)).rejects.toBe(failure);
    }
    const through = endpoint.mock.calls.length;
    for (let i = 0; i < 10; i += 1) {
      await expect(call({}, background)).rejects.toMatchObject({ code: "unavailable", message: "circuit open" });
    }
    expect(endpoint).toHaveBeenCalledTimes(through);
  });

  it("refuses with one error, which says how long it stays open, that nothing was sent, and has no stack", async () => {
    const { breaker, fail, sleep } = bench();
    fail(11);
    const call = breaker(async () => {});
    const error = (await call({}, background).catch((thrown: unknown) => thrown)) as KitError;
    expect(error).toMatchObject({ retryAfterMs: 1_000, notSent: true });
    expect(error.stack).not.toContain(" at ");
    sleep(999);
    await expect(call({}, background)).rejects.toBe(error);
    expect(error.retryAfterMs).toBe(1);
    sleep(1);
    await expect(call({}, background)).resolves.toBeUndefined();
  });
});

describe("handy's own tests", () => {
  it("allows when new, as TestNewBreakerAllows", () => {
    const { breaker, allows } = bench();
    expect([breaker.name, breaker.state, allows()]).toEqual(["", "closed", true]);
    expect(breaker.counts).toEqual({ successes: 0, failures: 0, failureRate: 0 });
  });

  it("closes at a success while open, as TestBreakerSuccessClosesOpenBreaker", () => {
    const { breaker, fail, allows } = bench();
    const late = breaker.allow();
    fail(11);
    expect(allows()).toBe(false);
    late();
    expect([breaker.state, breaker.counts.failures, allows()]).toEqual(["closed", 0, true]);
  });

  it("opens at one failure with a ratio of 0, as TestBreakerFailTripsBreakerWithASingleFailureAt0PrecentThreshold", () => {
    const { succeed, fail, allows } = bench();
    succeed(100);
    fail(1);
    expect(allows()).toBe(false);
  });

  it("stays closed at exactly its ratio, as TestBreakerFailDoesNotTripBreakerAt1PrecentThreshold", () => {
    const { succeed, fail, allows } = bench({ failureRatio: 0.01 });
    succeed(99);
    fail(1);
    expect(allows()).toBe(true);
    fail(1);
    expect(allows()).toBe(false);
  });

  it("lets one call through in each cooldown, as TestBreakerAllowsASingleRequestAfterNapTime", () => {
    const { breaker, changes, fail, sleep, allows } = bench();
    fail(11);
    sleep(1_000);
    expect(breaker.state).toBe("half-open");
    expect([allows(), allows(), breaker.state]).toEqual([true, false, "open"]);
    sleep(999);
    expect(allows()).toBe(false);
    sleep(1);
    expect([allows(), allows()]).toEqual([true, false]);
    expect(changes).toEqual([
      "closed to open",
      "open to half-open",
      "half-open to open",
      "open to half-open",
      "half-open to open",
    ]);
  });

  it("closes when the probe succeeds, as TestBreakerClosesAfterSuccessAfterNapTime", () => {
    const { breaker, fail, sleep, succeed, allows } = bench();
    fail(11);
    sleep(1_000);
    succeed(1);
    expect([breaker.state, allows(), allows()]).toEqual(["closed", true, true]);
  });

  it("arms the cooldown anew at a failure while half-open, as TestBreakerReschedulesOnFailureInHalfOpen", () => {
    const { breaker, fail, sleep, succeed } = bench();
    const late = breaker.allow();
    fail(11);
    sleep(1_000);
    late(failure);
    expect(breaker.state).toBe("open");
    sleep(999);
    expect(breaker.state).toBe("open");
    sleep(1);
    expect(breaker.state).toBe("half-open");
    succeed(1);
    expect(breaker.state).toBe("closed");
  });

  it("takes its observations, window and cooldown as options, as TestNewBreakerOptions", () => {
    const { breaker, fail, sleep } = bench({ minObservations: 2, windowMs: 2_000, cooldownMs: 500 });
    fail(2);
    sleep(2_000);
    fail(2);
    expect(breaker.state).toBe("closed");
    fail(1);
    expect(breaker.state).toBe("open");
    sleep(500);
    expect(breaker.state).toBe("half-open");
  });
});

describe("while open", () => {
  it("ignores failures of calls that were under way", () => {
    const { breaker, changes, fail, sleep } = bench();
    const late = breaker.allow();
    fail(11);
    sleep(900);
    late(failure);
    sleep(100);
    expect([breaker.state, changes]).toEqual(["half-open", ["closed to open", "open to half-open"]]);
  });

  it("counts nothing of before once it is closed again", () => {
    const { breaker, fail, sleep, succeed } = bench({ failureRatio: 0.5 });
    fail(11);
    sleep(1_000);
    succeed(1);
    expect(breaker.counts).toEqual({ successes: 0, failures: 0, failureRate: 0 });
  });
});

describe("a probe that says nothing of the callee", () => {
  it("leaves the breaker half-open, so that the next call is the probe", () => {
    const { breaker, fail, sleep, allows } = bench();
    fail(11);
    sleep(1_000);
    for (let i = 0; i < 3; i += 1) breaker.allow()(excluded);
    expect([allows(), allows()]).toEqual([true, false]);
  });

  it("does not cut short a later cooldown", () => {
    const { breaker, fail, sleep } = bench();
    fail(11);
    sleep(1_000);
    const probe = breaker.allow();
    sleep(1_000);
    breaker.allow()(failure);
    probe(excluded);
    expect(breaker.state).toBe("open");
  });

  it("is not counted while closed, either", () => {
    const { breaker } = bench();
    for (let i = 0; i < 20; i += 1) breaker.allow()(excluded);
    expect([breaker.state, breaker.counts.failures]).toEqual(["closed", 0]);
  });
});

describe("options", () => {
  it.each([
    [{ failureRatio: -0.1 }, "failureRatio must be a number from 0 to 1, got -0.1"],
    [{ failureRatio: 5 }, "failureRatio must be a number from 0 to 1, got 5"],
    [{ failureRatio: 0.5, minObservations: 1.5 }, "minObservations must be an integer of at least 0, got 1.5"],
    [{ failureRatio: 0.5, windowMs: 999 }, "windowMs must be from 1000 to 3600000, got 999"],
    [{ failureRatio: 0.5, windowMs: Infinity }, "windowMs must be from 1000 to 3600000, got Infinity"],
    [{ failureRatio: 0.5, cooldownMs: 0 }, "cooldownMs must be a positive number, got 0"],
  ])("%o is refused by name", (options, message) => {
    expect(() => handyBreaker(options)).toThrow(new TypeError(`handyBreaker: ${message}`));
  });
});
