import { background, type Endpoint, KitError } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import { type GobreakerCounts, gobreaker, type Gobreaker, type GobreakerOptions } from "../src/index.ts";

const failure = new Error("failed");
const excluded = new KitError("not_found", "excluded");

function counts(some: Partial<GobreakerCounts> = {}): GobreakerCounts {
  return {
    requests: 0,
    totalSuccesses: 0,
    totalFailures: 0,
    totalExclusions: 0,
    consecutiveSuccesses: 0,
    consecutiveFailures: 0,
    ...some,
  };
}

interface Bench {
  readonly breaker: Gobreaker;
  /** The changes of state so far. */
  readonly changes: string[];
  sleep(ms: number): void;
  succeed(): Promise<unknown>;
  fail(): Promise<unknown>;
  exclude(): Promise<unknown>;
  /** A call that goes on until it is told. */
  later(): {
    readonly call: Promise<unknown>;
    succeed(): Promise<void>;
    fail(): Promise<void>;
    exclude(): Promise<void>;
  };
}

function bench(options: GobreakerOptions = {}): Bench {
  let time = 1_000;
  const changes: string[] = [];
  const breaker = gobreaker({
    now: () => time,
    onStateChange: ({ name, from, to }) => void changes.push(`${name}: ${from} to ${to}`),
    ...options,
  });
  const rejects = async (error: Error): Promise<unknown> =>
    breaker(() => Promise.reject(error))({}, background).catch((thrown: unknown) => {
      if (thrown !== error) throw thrown;
    });
  return {
    breaker,
    changes,
    sleep: (ms) => void (time += ms),
    succeed: () => breaker(async () => true)({}, background),
    fail: () => rejects(failure),
    exclude: () => rejects(excluded),
    later() {
      let [resolve, reject]: [() => void, (error: Error) => void] = [() => {}, () => {}];
      const call = breaker(
        () =>
          new Promise<void>((...settle) => {
            [resolve, reject] = settle;
          }),
      )({}, background);
      const ended = (): Promise<void> => call.catch(() => {});
      return {
        call,
        succeed: () => (resolve(), ended()),
        fail: () => (reject(failure), ended()),
        exclude: () => (reject(excluded), ended()),
      };
    },
  };
}

async function times(count: number, act: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i += 1) await act();
}

/** At least 3 calls, of which 60 % failed. */
const ratio = (of: GobreakerCounts): boolean => {
  const valid = of.requests - of.totalExclusions;
  return valid >= 3 && of.totalFailures / valid >= 0.6;
};
const custom = {
  name: "cb",
  maxRequests: 3,
  intervalMs: 30_000,
  timeoutMs: 90_000,
  readyToTrip: ratio,
} satisfies GobreakerOptions;
const rolling = { ...custom, name: "rw", bucketPeriodMs: 3_000 } satisfies GobreakerOptions;

const open = "circuit breaker is open";
const tooMany = "too many requests";

describe("as a middleware", () => {
  it("lets six failures through and then no call, as go-kit's TestGobreaker", async () => {
    let isDown = false;
    const endpoint = vi.fn<Endpoint>(async () => {
      if (isDown) throw failure;
      return {};
    });
    const call = gobreaker()(endpoint);
    await times(100, () => call({}, background));
    isDown = true;
    for (let n = 0; n <= 5; n += 1) await expect(call({}, background)).rejects.toBe(failure);
    const through = endpoint.mock.calls.length;
    await times(10, () => expect(call({}, background)).rejects.toHaveProperty("message", open));
    expect(endpoint).toHaveBeenCalledTimes(through);
  });

  it("refuses with one error, which says how long it stays open, that nothing was sent, and has no stack", async () => {
    const { breaker, fail, sleep } = bench();
    await times(6, fail);
    const call = breaker(async () => {});
    const error = (await call({}, background).catch((thrown: unknown) => thrown)) as KitError;
    expect(error).toMatchObject({ code: "unavailable", message: open, retryAfterMs: 60_000, notSent: true });
    expect(error.stack).not.toContain(" at ");
    sleep(59_000.5);
    await expect(call({}, background)).rejects.toBe(error);
    expect(error.retryAfterMs).toBe(1_000);
    sleep(999.5);
    await expect(call({}, background)).resolves.toBeUndefined();
    expect(error.retryAfterMs).toBe(0);
  });

  it("keeps the state of endpoints that share it together", async () => {
    const { breaker, fail } = bench();
    await times(6, fail);
    await expect(breaker(async () => "another")({}, background)).rejects.toThrow(open);
  });

  it("looks at no clock while it is closed and counts for ever", async () => {
    const now = vi.fn<() => number>(() => 0);
    const call = gobreaker({ now })(async () => {});
    now.mockClear();
    await call({}, background);
    expect(now).not.toHaveBeenCalled();
  });

  it("does not count a cancelled call, whatever it was cancelled with", async () => {
    const { breaker } = bench();
    const hangs: Endpoint = (_, ctx) => new Promise((_resolve, reject) => void ctx.onCancel(reject));
    for (let i = 0; i < 10; i += 1) {
      const ctx = background.withCancel();
      const call = breaker(hangs)({}, ctx);
      ctx.cancel(new Error("the user left"));
      await expect(call).rejects.toThrow("the user left");
    }
    expect([breaker.state, breaker.counts]).toEqual(["closed", counts({ requests: 10, totalExclusions: 10 })]);
  });

  it("counts a deadline that passes while the callee works", async () => {
    const { breaker } = bench();
    const hangs: Endpoint = (_, ctx) => new Promise((_resolve, reject) => void ctx.onCancel(reject));
    await expect(breaker(hangs)({}, background.withTimeout(5))).rejects.toMatchObject({ code: "deadline_exceeded" });
    expect(breaker.counts.totalFailures).toBe(1);
  });
});

describe("gobreaker's own tests", () => {
  it("has names for its states, as TestStateConstants", async () => {
    const { breaker, fail, sleep } = bench();
    const states: string[] = [breaker.state];
    await times(6, fail);
    states.push(breaker.state);
    sleep(60_000);
    states.push(breaker.state);
    expect(states).toEqual(["closed", "open", "half-open"]);
  });

  it("starts closed, with its name and nothing counted, as TestNewCircuitBreaker", () => {
    const fresh = gobreaker();
    expect([fresh.name, fresh.state, fresh.counts]).toEqual(["", "closed", counts()]);
    for (const options of [custom, rolling]) {
      const breaker = gobreaker(options);
      expect([breaker.name, breaker.state, breaker.counts]).toEqual([options.name, "closed", counts()]);
    }
  });

  it("opens at the sixth failure in a row, and comes back through half-open, as TestDefaultCircuitBreaker", async () => {
    const { breaker, changes, sleep, succeed, fail } = bench();
    await times(5, fail);
    expect([breaker.state, breaker.counts]).toEqual([
      "closed",
      counts({ requests: 5, totalFailures: 5, consecutiveFailures: 5 }),
    ]);
    await succeed();
    expect(breaker.counts).toEqual(
      counts({ requests: 6, totalSuccesses: 1, totalFailures: 5, consecutiveSuccesses: 1 }),
    );
    await fail();
    expect([breaker.state, breaker.counts]).toEqual([
      "closed",
      counts({ requests: 7, totalSuccesses: 1, totalFailures: 6, consecutiveFailures: 1 }),
    ]);

    await times(5, fail);
    expect([breaker.state, breaker.counts]).toEqual(["open", counts()]);
    await expect(succeed()).rejects.toThrow(open);
    await expect(fail()).rejects.toThrow(open);
    expect(breaker.counts).toEqual(counts());

    sleep(59_999);
    expect(breaker.state).toBe("open");
    sleep(1);
    expect(breaker.state).toBe("half-open");

    await fail();
    expect([breaker.state, breaker.counts]).toEqual(["open", counts()]);
    sleep(60_000);
    expect(breaker.state).toBe("half-open");
    await succeed();
    expect([breaker.state, breaker.counts]).toEqual(["closed", counts()]);
    expect(changes).toEqual([
      ": closed to open",
      ": open to half-open",
      ": half-open to open",
      ": open to half-open",
      ": half-open to closed",
    ]);
  });

  it("begins anew each interval, and tries three calls, as TestCustomCircuitBreaker", async () => {
    const { breaker, changes, sleep, succeed, fail, exclude, later } = bench(custom);
    await times(5, async () => {
      await succeed();
      await fail();
      await exclude();
    });
    const fifteen = { requests: 15, totalSuccesses: 5, totalFailures: 5, totalExclusions: 5 };
    expect([breaker.state, breaker.counts]).toEqual(["closed", counts({ ...fifteen, consecutiveFailures: 1 })]);
    sleep(29_999);
    await succeed();
    expect(breaker.counts).toEqual(counts({ ...fifteen, requests: 16, totalSuccesses: 6, consecutiveSuccesses: 1 }));
    sleep(1_000);
    await fail();
    expect(breaker.counts).toEqual(counts({ requests: 1, totalFailures: 1, consecutiveFailures: 1 }));

    await succeed();
    await fail();
    expect([breaker.state, breaker.counts]).toEqual(["open", counts()]);
    sleep(90_000);
    expect(breaker.state).toBe("half-open");

    // What is excluded takes no place of the three.
    await times(4, exclude);
    expect(breaker.state).toBe("half-open");
    await fail();
    expect([breaker.state, breaker.counts]).toEqual(["open", counts()]);
    sleep(90_000);

    await times(2, succeed);
    expect([breaker.state, breaker.counts]).toEqual([
      "half-open",
      counts({ requests: 2, totalSuccesses: 2, consecutiveSuccesses: 2 }),
    ]);
    const third = later();
    expect(breaker.counts.requests).toBe(3);
    await expect(succeed()).rejects.toMatchObject({ code: "unavailable", message: tooMany, notSent: true });
    await third.succeed();
    expect([breaker.state, breaker.counts]).toEqual(["closed", counts()]);
    expect(changes.slice(-2)).toEqual(["cb: open to half-open", "cb: half-open to closed"]);
  });

  it("rolls its window on bucket by bucket, as TestRollingWindowCircuitBreaker", async () => {
    const { breaker, changes, sleep, succeed, fail, exclude, later } = bench(rolling);
    await times(5, async () => {
      await succeed();
      await fail();
      await exclude();
    });
    const fifteen = { requests: 15, totalSuccesses: 5, totalFailures: 5, totalExclusions: 5 };
    expect(breaker.counts).toEqual(counts({ ...fifteen, consecutiveFailures: 1 }));
    sleep(3_000);
    await succeed();
    sleep(2_000);
    await succeed();
    await exclude();
    sleep(2_000);
    await exclude();
    await succeed();
    sleep(2_000);
    await fail();
    expect(breaker.counts).toEqual(
      counts({ requests: 21, totalSuccesses: 8, totalFailures: 6, totalExclusions: 7, consecutiveFailures: 1 }),
    );
    for (let i = 0; i < 6; i += 1) {
      sleep(3_000);
      await succeed();
      await fail();
      const [requests, totalSuccesses, totalFailures] = [23 + 2 * i, 9 + i, 7 + i];
      expect(breaker.counts).toEqual(
        counts({ requests, totalSuccesses, totalFailures, totalExclusions: 7, consecutiveFailures: 1 }),
      );
    }

    // Now the first bucket goes.
    sleep(3_000);
    await fail();
    const nineteen = { requests: 19, totalSuccesses: 9, totalFailures: 8, totalExclusions: 2, consecutiveFailures: 2 };
    expect(breaker.counts).toEqual(counts(nineteen));
    await times(5, fail);
    expect([breaker.state, breaker.counts]).toEqual([
      "closed",
      counts({ ...nineteen, requests: 24, totalFailures: 13, consecutiveFailures: 7 }),
    ]);
    await fail();
    expect(breaker.state).toBe("open");

    sleep(90_000);
    await times(2, succeed);
    expect([breaker.state, breaker.counts]).toEqual([
      "half-open",
      counts({ requests: 2, totalSuccesses: 2, consecutiveSuccesses: 2 }),
    ]);
    const third = later();
    await expect(succeed()).rejects.toThrow(tooMany);
    await third.succeed();
    expect([breaker.state, breaker.counts]).toEqual(["closed", counts()]);
    expect(changes).toEqual(["rw: closed to open", "rw: open to half-open", "rw: half-open to closed"]);
  });

  it("counts what throws at once as a failure, as TestPanicInRequest", () => {
    const { breaker } = bench();
    const throws = breaker(() => {
      throw failure;
    });
    expect(() => throws({}, background)).toThrow(failure);
    expect(breaker.counts).toEqual(counts({ requests: 1, totalFailures: 1, consecutiveFailures: 1 }));
  });

  it("drops the outcome of a call that began in an earlier generation, as TestGeneration", async () => {
    const { breaker, sleep, succeed, later } = bench(custom);
    sleep(29_000);
    await succeed();
    const late = later();
    expect(breaker.counts).toEqual(counts({ requests: 2, totalSuccesses: 1, consecutiveSuccesses: 1 }));
    sleep(1_000);
    expect([breaker.state, breaker.counts]).toEqual(["closed", counts()]);
    await late.succeed();
    expect(breaker.counts).toEqual(counts());
  });

  it("counts as successes what it is told are, as TestCustomIsSuccessful", async () => {
    const { breaker, fail } = bench({ isSuccessful: () => true });
    await times(6, fail);
    expect([breaker.state, breaker.counts]).toEqual([
      "closed",
      counts({ requests: 6, totalSuccesses: 6, consecutiveSuccesses: 6 }),
    ]);
  });

  it("loses no count when calls overlap, as TestCircuitBreakerInParallel and TestRollingWindowCircuitBreakerInParallel", async () => {
    for (const options of [{ name: "cb" }, { ...rolling, readyToTrip: () => false }]) {
      const { breaker, succeed, exclude } = bench(options);
      await Promise.all(Array.from({ length: 1_000 }, (_, i) => (i % 2 === 0 ? succeed() : exclude())));
      expect(breaker.counts).toEqual(
        counts({ requests: 1_000, totalSuccesses: 500, totalExclusions: 500, consecutiveSuccesses: 500 }),
      );
    }
  });

  it("asks what is excluded before what is successful, as TestIsExcludedAndIsSuccessfulCombination", async () => {
    const { breaker, succeed, fail, exclude } = bench();
    await times(3, exclude);
    expect(breaker.counts).toEqual(counts({ requests: 3, totalExclusions: 3 }));
    await times(3, succeed);
    await times(2, fail);
    expect(breaker.counts).toEqual(
      counts({ requests: 8, totalSuccesses: 3, totalFailures: 2, totalExclusions: 3, consecutiveFailures: 2 }),
    );
  });

  it("goes in two steps, as TestTwoStepCircuitBreaker", async () => {
    const { breaker, sleep, fail } = bench({ maxRequests: 2 });
    await times(5, fail);
    breaker.allow()();
    for (let i = 0; i < 6; i += 1) breaker.allow()(failure);
    expect(breaker.state).toBe("open");
    expect(() => breaker.allow()).toThrow(open);
    sleep(60_000);

    const probes = [breaker.allow(), breaker.allow()];
    expect(() => breaker.allow()).toThrow(tooMany);
    for (const done of probes) done(excluded);
    breaker.allow()();
    breaker.allow()(failure);
    expect(breaker.state).toBe("open");
    sleep(60_000);
    breaker.allow()();
    breaker.allow()();
    expect([breaker.state, breaker.counts]).toEqual(["closed", counts()]);
  });
});

describe("late outcomes", () => {
  it.each(["succeed", "fail"] as const)("of calls before it opened change nothing when they %s", async (outcome) => {
    const { breaker, sleep, fail, later } = bench();
    const late = [later(), later(), later()];
    await times(6, fail);
    await late[0]![outcome]();
    expect([breaker.state, breaker.counts]).toEqual(["open", counts()]);
    sleep(60_000);
    await late[1]![outcome]();
    expect([breaker.state, breaker.counts]).toEqual(["half-open", counts()]);
    const probe = later();
    await probe.succeed();
    await late[2]![outcome]();
    expect([breaker.state, breaker.counts]).toEqual(["closed", counts()]);
  });

  it("count in the bucket that their call began in, while it is in the window", async () => {
    const { breaker, sleep, later } = bench({ intervalMs: 20, bucketPeriodMs: 10 });
    const [soon, late] = [later(), later()];
    sleep(15);
    await soon.fail();
    expect(breaker.counts).toEqual(counts({ requests: 2, totalFailures: 1, consecutiveFailures: 1 }));
    sleep(5);
    expect(breaker.counts).toEqual(counts());
    await late.fail();
    expect(breaker.counts).toEqual(counts());
  });
});

describe("options", () => {
  it("rounds the interval up to a multiple of the bucket's period", async () => {
    const { breaker, sleep, fail } = bench({ intervalMs: 25, bucketPeriodMs: 10 });
    await fail();
    sleep(29);
    expect(breaker.counts.totalFailures).toBe(1);
    sleep(1);
    expect(breaker.counts.totalFailures).toBe(0);
  });

  it("goes on when a callback throws, and stays closed", async () => {
    const others = process.rawListeners("uncaughtException");
    const uncaught = vi.fn<(error: unknown) => void>();
    process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught);
    const oops = (): never => {
      throw new Error("oops");
    };
    try {
      const { breaker, fail } = bench({ readyToTrip: oops, isExcluded: oops, isSuccessful: oops });
      await times(3, fail);
      expect([breaker.state, breaker.counts.totalFailures]).toEqual(["closed", 3]);
      await vi.waitUntil(() => uncaught.mock.calls.length === 9);
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener as () => void);
    }
  });

  it.each([
    [{ maxRequests: 0 }, "maxRequests must be a positive integer, got 0"],
    [{ intervalMs: -30_000 }, "intervalMs must be a positive number, got -30000"],
    [{ timeoutMs: -90_000 }, "timeoutMs must be a positive number, got -90000"],
    [{ timeoutMs: Infinity }, "timeoutMs must be a positive number, got Infinity"],
    [{ bucketPeriodMs: 10 }, "bucketPeriodMs must go into intervalMs 1 to 1000 times, got 10 for Infinity"],
    [{ intervalMs: 5, bucketPeriodMs: 0 }, "bucketPeriodMs must go into intervalMs 1 to 1000 times, got 0 for 5"],
    [
      { intervalMs: 1_001, bucketPeriodMs: 1 },
      "bucketPeriodMs must go into intervalMs 1 to 1000 times, got 1 for 1001",
    ],
  ])("%o is refused by name", (options, message) => {
    expect(() => gobreaker(options)).toThrow(new TypeError(`gobreaker: ${message}`));
  });
});
