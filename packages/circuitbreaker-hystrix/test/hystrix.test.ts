import { background, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Hystrix, hystrix, type HystrixOptions } from "../src/index.ts";

const failure = new Error("tragedy+disaster");
const excluded = new KitError("not_found", "excluded");

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Bench {
  readonly breaker: Hystrix;
  readonly changes: string[];
  succeed(times?: number): Promise<void>;
  fail(times?: number, error?: unknown): Promise<void>;
}

function bench(options: Partial<HystrixOptions> = {}): Bench {
  const changes: string[] = [];
  const breaker = hystrix({
    name: "bench",
    onStateChange: ({ name, from, to }) => void changes.push(`${name}: ${from} to ${to}`),
    ...options,
  });
  return {
    breaker,
    changes,
    async succeed(times = 1) {
      for (let i = 0; i < times; i += 1) await breaker(async () => {})({}, background);
    },
    async fail(times = 1, error = failure) {
      for (let i = 0; i < times; i += 1) {
        await expect(breaker(() => Promise.reject(error))({}, background)).rejects.toBe(error);
      }
    },
  };
}

/** An endpoint that goes on until its context ends, and says what ended it. */
function hanging(): { readonly endpoint: Endpoint; readonly causes: Error[] } {
  const causes: Error[] = [];
  return {
    causes,
    endpoint: (_, ctx) =>
      new Promise((_resolve, reject) => {
        ctx.onCancel((cause) => {
          causes.push(cause);
          reject(cause);
        });
      }),
  };
}

const turns = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe("as a middleware", () => {
  it("lets failures through while their share is small, and then no call, as go-kit's TestHystrix", async () => {
    const [errorPercent, primeWith] = [5, 40];
    let isDown = false;
    const endpoint = vi.fn<Endpoint>(async () => {
      if (isDown) throw failure;
      return {};
    });
    const breaker = hystrix({ name: "my-endpoint", errorPercentThreshold: errorPercent, maxConcurrentRequests: 1_000 });
    const call = breaker(endpoint);
    for (let i = 0; i < primeWith; i += 1) await call({}, background);
    isDown = true;
    for (let n = 0; n / (primeWith + n) <= (errorPercent - 1) / 100; n += 1) {
      await expect(call({}, background)).rejects.toBe(failure);
    }
    const through = endpoint.mock.calls.length;
    for (let i = 0; i < 10; i += 1) {
      await expect(call({}, background)).rejects.toMatchObject({ message: "hystrix: circuit open" });
    }
    expect(endpoint).toHaveBeenCalledTimes(through);
  });

  it("has hystrix-go's defaults", () => {
    expect(hystrix({ name: "any" }).events[0]).toMatchObject({
      propertyValue_executionIsolationThreadTimeoutInMilliseconds: 1_000,
      propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: 10,
      propertyValue_circuitBreakerRequestVolumeThreshold: 20,
      propertyValue_circuitBreakerSleepWindowInMilliseconds: 5_000,
      propertyValue_circuitBreakerErrorThresholdPercentage: 50,
    });
  });

  it("stays closed below its request volume, whatever fails", async () => {
    const { breaker, fail } = bench();
    await fail(19);
    expect(breaker.state).toBe("closed");
    await fail(1);
    expect(breaker.state).toBe("open");
  });

  it("opens from exactly its percentage on", async () => {
    const { breaker, succeed, fail } = bench();
    await succeed(11);
    await fail(9);
    expect([breaker.state, breaker.counts.errorPercentage]).toEqual(["closed", 45]);
    await fail(2);
    expect(breaker.state).toBe("open");
  });

  it("says when to come back, that nothing was sent, and goes through half-open", async () => {
    const { breaker, changes, succeed, fail } = bench();
    await fail(20);
    vi.advanceTimersByTime(4_000);
    const error = (await breaker(async () => {})({}, background).catch((thrown: unknown) => thrown)) as KitError;
    expect(error).toMatchObject({ code: "unavailable", retryAfterMs: 1_001, notSent: true });
    expect(error.stack).not.toContain(" at ");
    vi.advanceTimersByTime(1_001);
    expect(breaker.state).toBe("half-open");
    await fail(1);
    expect(breaker.state).toBe("open");
    vi.advanceTimersByTime(5_001);
    await succeed(1);
    expect([breaker.state, breaker.counts.requests]).toEqual(["closed", 0]);
    expect(changes).toEqual([
      "bench: closed to open",
      "bench: open to half-open",
      "bench: half-open to open",
      "bench: open to half-open",
      "bench: half-open to closed",
    ]);
  });

  it("tries one call at a time", async () => {
    const { breaker, fail, succeed } = bench();
    await fail(20);
    vi.advanceTimersByTime(5_001);
    const trial = breaker(hanging().endpoint)({}, background).catch((error: unknown) => error);
    await turns();
    expect(breaker.state).toBe("half-open");
    await expect(succeed()).rejects.toThrow("circuit open");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await trial).toMatchObject({ message: "hystrix: timeout" });
    expect(breaker.state).toBe("open");
  });

  it("hands a trial that says nothing of the callee on to the next call", async () => {
    const { breaker, fail, succeed } = bench();
    await fail(20);
    vi.advanceTimersByTime(5_001);
    await fail(3, excluded);
    expect(breaker.state).toBe("half-open");
    await succeed();
    expect(breaker.state).toBe("closed");
  });

  it("refuses beyond its concurrency, with an error of its own", async () => {
    const { breaker } = bench({ maxConcurrentRequests: 2 });
    const { endpoint } = hanging();
    const ctx = background.withCancel();
    const under = [breaker(endpoint)({}, ctx), breaker(endpoint)({}, ctx)];
    await turns();
    await expect(breaker(endpoint)({}, ctx)).rejects.toMatchObject({
      code: "resource_exhausted",
      message: "hystrix: max concurrency",
      notSent: true,
    });
    expect(breaker.counts).toMatchObject({ concurrent: 2, rejections: 1 });
    ctx.cancel();
    await Promise.allSettled(under);
    expect(breaker.counts).toMatchObject({ concurrent: 0, failures: 0 });
  });

  it("ends what takes too long, and its context with it", async () => {
    const { breaker } = bench({ timeoutMs: 100 });
    const { endpoint, causes } = hanging();
    const call = breaker(endpoint)({}, background).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(100);
    expect(await call).toMatchObject({ code: "deadline_exceeded", message: "hystrix: timeout" });
    expect(causes).toEqual([expect.objectContaining({ message: "hystrix: timeout" })]);
    expect(breaker.counts).toMatchObject({ requests: 1, timeouts: 1, failures: 0, concurrent: 0 });
  });

  it("sets no timer without a timeout", async () => {
    const { breaker } = bench({ timeoutMs: Infinity });
    const ctx = background.withCancel();
    const call = breaker(hanging().endpoint)({}, ctx);
    await turns();
    expect(vi.getTimerCount()).toBe(0);
    ctx.cancel();
    await expect(call).rejects.toMatchObject({ code: "canceled" });
  });

  it("leaves a stream its context when it is opened", async () => {
    const { breaker } = bench();
    let seen: Context | undefined;
    async function* numbers(): AsyncGenerator<number> {
      yield 1;
      await Promise.resolve();
      yield seen!.cancelled === undefined ? 2 : -1;
    }
    const items: AsyncIterable<number> = await breaker(async (_: object, ctx: Context) => {
      seen = ctx;
      return numbers();
    })({}, background);
    await vi.advanceTimersByTimeAsync(60_000);
    const received = [];
    for await (const item of items) received.push(item);
    expect(received).toEqual([1, 2]);
  });
});

describe("what is broken in hystrixjs", () => {
  it("counts an endpoint that throws before it has a promise, and leaks no place", async () => {
    const { breaker } = bench({ timeoutMs: Infinity, maxConcurrentRequests: 1 });
    const throws: Endpoint = () => {
      throw failure;
    };
    for (let i = 0; i < 3; i += 1) await expect(breaker(throws)({}, background)).rejects.toBe(failure);
    expect(breaker.counts).toMatchObject({ concurrent: 0, failures: 3 });
  });

  it("takes an endpoint and a fallback that return no promise", async () => {
    const { breaker } = bench({ fallback: () => "plain" });
    expect(await breaker((() => "no promise") as unknown as Endpoint)({}, background)).toBe("no promise");
    expect(await breaker(() => Promise.reject(failure))({}, background)).toBe("plain");
  });

  it("takes whatever an endpoint rejects with, also what is like its own errors, or nothing at all", async () => {
    const { breaker } = bench({ isExcluded: () => false });
    for (const error of [undefined, null, 5, new Error("CommandTimeOut"), new Error("OpenCircuitError")]) {
      await expect(breaker(() => Promise.reject(error))({}, background)).rejects.toBe(error);
    }
    expect(breaker.counts).toMatchObject({ failures: 5, timeouts: 0 });
  });

  it("counts nothing that is older than its window", async () => {
    const { breaker, succeed, fail } = bench();
    await fail(19);
    vi.advanceTimersByTime(10_001);
    expect(breaker.counts.requests).toBe(0);
    await fail(1);
    await succeed(1);
    expect([breaker.state, breaker.counts.requests]).toEqual(["closed", 2]);
  });

  it("shares no state between two breakers of one name", async () => {
    const [one, other] = [bench(), bench()];
    await one.fail(20);
    expect([one.breaker.state, other.breaker.state, other.breaker.counts.requests]).toEqual(["open", "closed", 0]);
    await other.succeed();
  });

  it("leaves nothing in hystrixjs's registry", async () => {
    const { default: circuits } = await import("hystrixjs/lib/command/CircuitBreaker.js");
    const { default: metrics } = (await import("hystrixjs/lib/metrics/CommandMetrics.js")) as unknown as {
      default: { Factory: { getAllMetrics(): Iterable<unknown> } };
    };
    for (let i = 0; i < 100; i += 1) await bench({ name: `instance-${i}` }).succeed();
    expect([circuits.getCache().size, [...metrics.Factory.getAllMetrics()].length]).toEqual([0, 0]);
  });
});

describe("fallback", () => {
  it("answers what failed and what was refused, and is given the error, the request and the context", async () => {
    const fallback = vi.fn<(error: unknown, request: unknown, ctx: Context) => string>(() => "from the cache");
    const { breaker } = bench({ fallback });
    const request = { id: 7 };
    for (let i = 0; i < 21; i += 1) {
      expect(await breaker(() => Promise.reject(failure))(request, background)).toBe("from the cache");
    }
    expect(fallback.mock.calls[0]).toEqual([failure, request, background]);
    expect(fallback.mock.lastCall?.[0]).toMatchObject({ message: "hystrix: circuit open" });
    expect(breaker.counts).toMatchObject({
      failures: 20,
      shortCircuits: 1,
      fallbackSuccesses: 21,
      fallbackFailures: 0,
    });
  });

  it("fails the call with its own error", async () => {
    const worse = new KitError("data_loss", "no cache either");
    const { breaker } = bench({ fallback: () => Promise.reject(worse) });
    await expect(breaker(() => Promise.reject(failure))({}, background)).rejects.toBe(worse);
    expect(breaker.counts).toMatchObject({ fallbackSuccesses: 0, fallbackFailures: 1 });
  });

  it("is not asked about an error that the caller caused", async () => {
    const fallback = vi.fn<() => void>();
    const { fail, breaker } = bench({ fallback });
    await fail(30, excluded);
    expect(fallback).not.toHaveBeenCalled();
    expect([breaker.state, breaker.counts.requests]).toEqual(["closed", 0]);
  });

  it("counts none where there is none", async () => {
    const { breaker, fail } = bench();
    await fail(1);
    expect(breaker.counts).toMatchObject({ fallbackSuccesses: 0, fallbackFailures: 0 });
  });
});

describe("options", () => {
  it.each([
    [{ name: "" }, "name must be a string that is not empty"],
    [{ name: "a", timeoutMs: 0 }, "timeoutMs must be a positive number, got 0"],
    [{ name: "a", maxConcurrentRequests: 0 }, "maxConcurrentRequests must be a positive integer, got 0"],
    [{ name: "a", requestVolumeThreshold: 1.5 }, "requestVolumeThreshold must be a positive integer, got 1.5"],
    [{ name: "a", sleepWindowMs: Infinity }, "sleepWindowMs must be a positive number, got Infinity"],
    [{ name: "a", errorPercentThreshold: 0 }, "errorPercentThreshold must be a whole number from 1 to 100, got 0"],
    [{ name: "a", errorPercentThreshold: 101 }, "errorPercentThreshold must be a whole number from 1 to 100, got 101"],
  ])("%o is refused by name", (options, message) => {
    expect(() => hystrix(options)).toThrow(new TypeError(`hystrix: ${message}`));
  });
});
