import assert from "node:assert/strict";
import { background, codeOf, type Context } from "@kit/endpoint";
import { tokenBucket } from "@kit/ratelimit";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type RedisTokenBucket, redisTokenBuckets } from "../src/index.ts";

// What a real Redis cannot be made to do at a chosen millisecond. That it does what the model here does, redis.test.ts shows on a real one.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A Redis of one key, by the fake clock. */
function fakeRedis() {
  let full = 0;
  const redis = {
    asked: 0,
    silent: false,
    lateMs: 0,
    eval: () => Promise.reject(new Error("not needed")),
    evalsha: (_sha: string, _keys: number, _key: string, ...args: string[]): Promise<unknown> => {
      redis.asked += 1;
      if (redis.silent) return new Promise(() => {});
      if (redis.lateMs > 0) return new Promise((resolve) => setTimeout(resolve, redis.lateMs, [1, 100]));
      const [burst, tokenMs] = args.map(Number) as [number, number];
      const busy = Math.max(full - performance.now(), 0);
      const wait = busy - (burst - 1) * tokenMs;
      if (wait > 0) return Promise.resolve([burst + 1, Math.ceil(wait)]);
      full = performance.now() + busy + tokenMs;
      return Promise.resolve([Math.ceil((busy + tokenMs) / tokenMs), Math.ceil(busy + tokenMs)]);
    },
  };
  return redis;
}

/** One token each 100 ms. */
const slow = { ratePerSecond: 10, burst: 1, whenAway: "refuse" } as const;

async function drained(client = fakeRedis(), options: object = {}): Promise<RedisTokenBucket> {
  const bucket = redisTokenBuckets({ client, ...slow, ...options })("a");
  expect(await bucket.allow()).toBe(true);
  return bucket;
}

describe("wait", () => {
  it("has one ask for all, however many wait", async () => {
    const client = fakeRedis();
    const bucket = await drained(client);
    const turns = Array.from({ length: 50 }, () => bucket.wait(background));
    await vi.advanceTimersByTimeAsync(0);
    const before = client.asked;
    await vi.advanceTimersByTimeAsync(1_000);
    // One for each token, and one that is refused after it.
    expect(client.asked - before).toBeLessThanOrEqual(20);
    await vi.advanceTimersByTimeAsync(4_100);
    await Promise.all(turns);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("lets no later call go on before those who wait", async () => {
    const bucket = await drained();
    const turn = bucket.wait(background);
    await vi.advanceTimersByTimeAsync(99);
    expect(bucket.idle()).toBe(false);
    expect(await bucket.allow()).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    await turn;
    expect(bucket.idle()).toBe(true);
  });

  it("lets no later call go on while Redis is asked for those who wait", async () => {
    const client = fakeRedis();
    const bucket = await drained(client);
    const turn = bucket.wait(background);
    await vi.advanceTimersByTimeAsync(50);
    client.lateMs = 50;
    await vi.advanceTimersByTimeAsync(60);
    const { asked } = client;
    expect(await bucket.allow()).toBe(false);
    expect(client.asked).toBe(asked);
    await vi.advanceTimersByTimeAsync(50);
    await turn;
  });

  it("rejects with the context's own error when that is over, at the start or while waiting, and leaves no timer", async () => {
    const bucket = await drained();
    const ctx = background.withCancel();
    const turn = bucket.wait(ctx);
    await vi.advanceTimersByTimeAsync(10);
    const cause = new Error("the user left");
    ctx.cancel(cause);
    await expect(turn).rejects.toBe(cause);
    await expect(bucket.wait(ctx)).rejects.toBe(cause);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("refuses at once what the next token is too late for, also behind others", async () => {
    const bucket = await drained();
    // The first answer that there is none says until when.
    expect(await bucket.allow()).toBe(false);
    const first = bucket.wait(background);
    const refusal = { code: "resource_exhausted", retryAfterMs: 100, message: /exceed context deadline/ };
    await expect(bucket.wait(background.withTimeout(100))).rejects.toMatchObject(refusal);
    await vi.advanceTimersByTimeAsync(50);
    await expect(bucket.wait(background.withTimeout(50))).rejects.toMatchObject({ ...refusal, retryAfterMs: 50 });
    await vi.advanceTimersByTimeAsync(51);
    await first;
  });

  it("refuses at once what the next token is too late for, once Redis has said when that comes", async () => {
    const bucket = await drained();
    await expect(bucket.wait(background.withTimeout(100))).rejects.toMatchObject({ code: "resource_exhausted" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("refuses when as many wait as may", async () => {
    const bucket = await drained(fakeRedis(), { maxWaiting: 1 });
    void bucket.wait(background);
    await vi.advanceTimersByTimeAsync(0);
    await expect(bucket.wait(background)).rejects.toMatchObject({ code: "resource_exhausted", retryAfterMs: 100 });
    await vi.advanceTimersByTimeAsync(101);
  });

  it("goes on by the local bucket when Redis is lost meanwhile", async () => {
    const client = fakeRedis();
    const bucket = await drained(client, { whenAway: () => tokenBucket({ ratePerSecond: 1, burst: 1 }) });
    const turns = [1, 2].map(() => bucket.wait(background));
    client.silent = true;
    // The bucket's own token for the first; a second later the next.
    await vi.advanceTimersByTimeAsync(201);
    await expect(turns[0]).resolves.toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_100);
    await expect(turns[1]).resolves.toBeUndefined();
  });
});

describe("while Redis is silent", () => {
  it("waits no longer than timeoutMs, then asks once each retryMs", async () => {
    const client = fakeRedis();
    client.silent = true;
    const onError = vi.fn<(error: Error) => void>();
    const buckets = redisTokenBuckets({ client, ...slow, whenAway: "allow", timeoutMs: 50, retryMs: 500, onError });
    const calls = Array.from({ length: 100 }, async (_, n) => buckets(`${n}`).allow());
    await vi.advanceTimersByTimeAsync(50);
    expect(await Promise.all(calls)).not.toContain(false);
    expect(client.asked).toBe(100);
    expect(onError.mock.calls).toMatchObject([[{ code: "deadline_exceeded", message: /within 50 ms/ }]]);
    for (let n = 0; n < 100; n += 1) expect(buckets("a").allow()).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    client.silent = false;
    const probe = buckets("a").allow();
    // While it asks, the others do not.
    expect(buckets("b").allow()).toBe(true);
    expect(await probe).toBe(true);
    expect(client.asked).toBe(101);
    expect(await buckets("a").allow()).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not waited for again when it is always late", async () => {
    const client = fakeRedis();
    client.lateMs = 80;
    const bucket = redisTokenBuckets({ client, ...slow, whenAway: "allow", timeoutMs: 50, retryMs: 500 })("a");
    const call = bucket.allow();
    await vi.advanceTimersByTimeAsync(100);
    expect(await call).toBe(true);
    expect(bucket.allow()).toBe(true);
    expect(client.asked).toBe(1);
  });

  it("keeps the local bucket from one outage to the next", async () => {
    const client = fakeRedis();
    const whenAway = vi.fn<() => ReturnType<typeof tokenBucket>>(() =>
      tokenBucket({ ratePerSecond: 1 / 3_600, burst: 1 }),
    );
    const bucket = await drained(client, { whenAway, timeoutMs: 50, retryMs: 50 });
    const went = [];
    for (let outage = 0; outage < 3; outage += 1) {
      client.silent = true;
      await vi.advanceTimersByTimeAsync(200);
      const call = bucket.allow();
      await vi.advanceTimersByTimeAsync(50);
      went.push(await call);
      client.silent = false;
      await vi.advanceTimersByTimeAsync(200);
      expect(await bucket.allow()).toBe(true);
    }
    expect(went).toEqual([true, false, false]);
    expect(whenAway).toHaveBeenCalledOnce();
  });

  it("fails no call of its own when onError throws", async () => {
    const client = fakeRedis();
    client.silent = true;
    const thrown = new Promise((resolve) => {
      const others = process.rawListeners("uncaughtException");
      process.removeAllListeners("uncaughtException").once("uncaughtException", (error) => {
        for (const other of others) process.on("uncaughtException", other as () => void);
        resolve(error.message);
      });
    });
    const onError = (): never => {
      throw new Error("a broken logger");
    };
    const call = redisTokenBuckets({ client, ...slow, whenAway: "allow", onError })("a").allow();
    await vi.advanceTimersByTimeAsync(100);
    expect(await call).toBe(true);
    expect(await thrown).toBe("a broken logger");
  });
});

describe("options", () => {
  it.each([
    [{ client: {} }, "client must be an ioredis or a node-redis client"],
    [{ ratePerSecond: 0 }, "ratePerSecond must be a number up to 1000000"],
    [{ ratePerSecond: 1e7 }, "ratePerSecond must be a number up to 1000000"],
    [{ burst: 1.5 }, "burst must be a positive integer, got 1.5"],
    [{ ratePerSecond: 1e-9, burst: 1_000 }, "burst must come back within 30 years"],
    [{ whenAway: "open" }, 'whenAway must be "allow", "refuse" or a function, got open'],
    [{ prefix: "" }, "prefix must be a name"],
    [{ timeoutMs: 0 }, "timeoutMs must be a number from 1 to 2147483647, got 0"],
    [{ retryMs: Infinity }, "retryMs must be a number from 1 to 2147483647, got Infinity"],
    [{ maxWaiting: -1 }, "maxWaiting must not be negative, got -1"],
  ])("%o is refused by name", (wrong, message) => {
    const options = { client: fakeRedis(), ...slow, ...wrong } as never;
    expect(() => redisTokenBuckets(options)).toThrow(`redisTokenBuckets: ${message}`);
  });
});

describe("a bucket", () => {
  it("admits in order, never more than burst + rate * t, and loses nobody, whatever is done to it", async () => {
    type Step = readonly ["advance" | "allow" | "wait" | "leave", number];
    const anySteps = fc.array(
      fc.tuple(fc.constantFrom("advance", "allow", "wait", "leave"), fc.integer({ min: 1, max: 150 })),
      { maxLength: 60 },
    ) as fc.Arbitrary<Step[]>;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), anySteps, async (burst, steps) => {
        const bucket = redisTokenBuckets({ client: fakeRedis(), ratePerSecond: 20, burst, whenAway: "refuse" })("a");
        const began = performance.now();
        const admitted: number[] = [];
        const waiting = new Map<number, ReturnType<Context["withCancel"]>>();
        const outcomes: Promise<string>[] = [];
        let granted = 0;
        for (const [id, [what, n]] of steps.entries()) {
          if (what === "advance") await vi.advanceTimersByTimeAsync(n);
          if (what === "allow" && (await bucket.allow())) granted += 1;
          if (what === "leave") [...waiting.values()].at(n % Math.max(1, waiting.size))?.cancel();
          if (what === "wait") {
            const ctx = background.withCancel();
            waiting.set(id, ctx);
            const over = (outcome: string): string => {
              waiting.delete(id);
              if (outcome === "admitted") admitted.push(id);
              return outcome;
            };
            outcomes.push(
              bucket.wait(ctx).then(
                () => over("admitted"),
                (error: unknown) => over(codeOf(error)),
              ),
            );
          }
          await vi.advanceTimersByTimeAsync(0);
          assert.ok(granted + admitted.length <= burst + (performance.now() - began) / 50 + 1e-6);
          assert.deepEqual(
            admitted,
            admitted.toSorted((a, b) => a - b),
          );
        }
        await vi.advanceTimersByTimeAsync(60 * 51);
        for (const outcome of await Promise.all(outcomes)) assert.ok(["admitted", "canceled"].includes(outcome));
        assert.equal(bucket.idle(), true);
        assert.equal(vi.getTimerCount(), 0);
      }),
      { numRuns: 200 },
    );
  });
});
