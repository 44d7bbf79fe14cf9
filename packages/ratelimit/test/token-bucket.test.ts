import { background, codeOf, type Context } from "@kit/endpoint";
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type TokenBucket, tokenBucket } from "../src/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A bucket of one token, already taken. */
function drained(options: { ratePerSecond?: number; maxWaiting?: number } = {}): TokenBucket {
  const bucket = tokenBucket({ ratePerSecond: 10, burst: 1, ...options });
  expect(bucket.allow()).toBe(true);
  return bucket;
}

/** Waits, and notes the name when the turn has come. */
function queue(bucket: TokenBucket, order: string[]): (name: string, ctx?: Context) => Promise<unknown> {
  return (name, ctx = background) =>
    bucket.wait(ctx).then(
      () => order.push(name),
      (error: unknown) => order.push(`${name}: ${codeOf(error)}`),
    );
}

describe("allow", () => {
  it("grants the burst at once, then one token each 1/rate", () => {
    const bucket = tokenBucket({ ratePerSecond: 4, burst: 3 });
    expect([1, 2, 3, 4].map(() => bucket.allow())).toEqual([true, true, true, false]);
    vi.advanceTimersByTime(249);
    expect(bucket.allow()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(bucket.allow()).toBe(true);
    expect(bucket.allow()).toBe(false);
  });

  it("holds no more than the burst after a long quiet time", () => {
    const bucket = tokenBucket({ ratePerSecond: 1_000, burst: 2 });
    vi.advanceTimersByTime(60_000);
    expect([1, 2, 3].map(() => bucket.allow())).toEqual([true, true, false]);
  });

  it("is not moved by the system's time", () => {
    const bucket = drained();
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(bucket.allow()).toBe(false);
  });

  it("goes on from where an injected clock was set back to", () => {
    let time = 1_000_000;
    const bucket = tokenBucket({ ratePerSecond: 10, burst: 1, now: () => time });
    expect(bucket.allow()).toBe(true);
    time = 0;
    expect(bucket.allow()).toBe(false);
    time = 100;
    expect(bucket.allow()).toBe(true);
  });

  it("takes no token before those who wait, also when their timer is late", async () => {
    let time = 0;
    const bucket = tokenBucket({ ratePerSecond: 10, burst: 1, now: () => time });
    expect(bucket.allow()).toBe(true);
    const turn = bucket.wait(background);
    time = 100;
    expect(bucket.allow()).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    await turn;
    expect(bucket.allow()).toBe(false);
    time = 200;
    expect(bucket.allow()).toBe(true);
  });
});

describe("retryAfterMs", () => {
  it("is how long a call that came now would wait, rounded up", () => {
    const bucket = tokenBucket({ ratePerSecond: 3, burst: 1 });
    expect(bucket.retryAfterMs()).toBe(0);
    bucket.allow();
    expect(bucket.retryAfterMs()).toBe(334);
    vi.advanceTimersByTime(300);
    expect(bucket.retryAfterMs()).toBe(34);
  });

  it("counts those who wait already", () => {
    const bucket = drained();
    void bucket.wait(background);
    void bucket.wait(background);
    expect(bucket.retryAfterMs()).toBe(300);
  });
});

describe("quota", () => {
  it("is what those who wait leave", () => {
    const bucket = tokenBucket({ ratePerSecond: 125, burst: 3 });
    expect(bucket.quota()).toEqual({ limit: 3, remaining: 3, resetMs: 0 });
    bucket.allow();
    vi.advanceTimersByTime(4);
    expect(bucket.quota()).toEqual({ limit: 3, remaining: 2, resetMs: 4 });
    while (bucket.allow());
    void bucket.wait(background);
    expect(bucket.quota()).toEqual({ limit: 3, remaining: 0, resetMs: 28 });
  });

  it("is idle once the bucket is full again", async () => {
    const bucket = tokenBucket({ ratePerSecond: 10, burst: 1 });
    expect(bucket.idle()).toBe(true);
    bucket.allow();
    void bucket.wait(background);
    await vi.advanceTimersByTimeAsync(199);
    expect(bucket.idle()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(bucket.idle()).toBe(true);
  });
});

it("is not idle while somebody waits, though the bucket be full by then", async () => {
  let time = 0;
  const bucket = tokenBucket({ ratePerSecond: 10, burst: 1, now: () => time });
  bucket.allow();
  const turn = bucket.wait(background);
  time = 100;
  expect(bucket.idle()).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  await turn;
});

describe("wait", () => {
  it("takes a token that is there without a timer", async () => {
    const bucket = tokenBucket({ ratePerSecond: 1, burst: 1 });
    const turn = bucket.wait(background);
    expect(vi.getTimerCount()).toBe(0);
    await turn;
    expect(bucket.allow()).toBe(false);
  });

  it("serves in the order of arrival, one token at a time", async () => {
    const order: string[] = [];
    const enter = queue(drained(), order);
    void enter("a");
    void enter("b");
    void enter("c");
    await vi.advanceTimersByTimeAsync(199);
    expect(order).toEqual(["a"]);
    await vi.advanceTimersByTimeAsync(101);
    expect(order).toEqual(["a", "b", "c"]);
  });

  it("has one timer however many wait, and none afterwards", async () => {
    const bucket = drained();
    const turns = Array.from({ length: 50 }, () => bucket.wait(background));
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(5_000);
    await Promise.all(turns);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("serves several at one wake-up when the rate is above the timer's resolution", async () => {
    const bucket = tokenBucket({ ratePerSecond: 10_000, burst: 5 });
    while (bucket.allow());
    const turns = Array.from({ length: 50 }, () => bucket.wait(background));
    await vi.advanceTimersByTimeAsync(5);
    await Promise.all(turns);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("rejects with the context's own error when that is over, and takes no token", async () => {
    const bucket = tokenBucket({ ratePerSecond: 1, burst: 1 });
    const ctx = background.withCancel();
    const cause = new Error("the user left");
    ctx.cancel(cause);
    await expect(bucket.wait(ctx)).rejects.toBe(cause);
    expect(bucket.allow()).toBe(true);
  });

  it("gives its place to those behind when its context is cancelled", async () => {
    const order: string[] = [];
    const enter = queue(drained(), order);
    const ctx = background.withCancel();
    void enter("a");
    void enter("b", ctx);
    void enter("c");
    ctx.cancel();
    await vi.advanceTimersByTimeAsync(200);
    expect(order).toEqual(["b: canceled", "a", "c"]);
  });

  it("gives its place away when it is the first, too", async () => {
    const order: string[] = [];
    const bucket = drained();
    const enter = queue(bucket, order);
    const ctx = background.withCancel();
    void enter("a", ctx);
    void enter("b");
    await vi.advanceTimersByTimeAsync(50);
    ctx.cancel();
    await vi.advanceTimersByTimeAsync(50);
    expect(order).toEqual(["a: canceled", "b"]);
  });

  it("leaves no timer when the last one who waits is cancelled", async () => {
    const bucket = drained();
    const ctx = background.withCancel();
    const turn = bucket.wait(ctx);
    ctx.cancel();
    await expect(turn).rejects.toMatchObject({ code: "canceled" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves nothing on the context once the turn has come", async () => {
    const bucket = drained();
    const ctx = background.withTimeout(60_000);
    const turn = bucket.wait(ctx);
    expect(vi.getTimerCount()).toBe(2);
    await vi.advanceTimersByTimeAsync(100);
    await turn;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("refuses at once what would exceed the deadline, and says when it would have fitted", async () => {
    const bucket = drained();
    void bucket.wait(background);
    await expect(bucket.wait(background.withTimeout(200))).rejects.toMatchObject({
      code: "resource_exhausted",
      message: "rate limit: a wait of 200 ms would exceed context deadline",
      retryAfterMs: 200,
    });
    expect(vi.getTimerCount()).toBe(1);
  });

  it("waits when its turn comes just before the deadline", async () => {
    const turn = drained().wait(background.withTimeout(101));
    await vi.advanceTimersByTimeAsync(100);
    await expect(turn).resolves.toBeUndefined();
  });

  it("refuses when as many wait as may", async () => {
    const bucket = drained({ maxWaiting: 2 });
    void bucket.wait(background);
    void bucket.wait(background);
    await expect(bucket.wait(background)).rejects.toMatchObject({ code: "resource_exhausted", retryAfterMs: 300 });
    await vi.advanceTimersByTimeAsync(100);
    void bucket.wait(background);
    expect(bucket.retryAfterMs()).toBe(300);
  });

  it("lets nobody wait with maxWaiting 0", async () => {
    await expect(drained({ maxWaiting: 0 }).wait(background)).rejects.toMatchObject({ code: "resource_exhausted" });
  });

  it("survives a wait beyond the longest timer", async () => {
    const bucket = tokenBucket({ ratePerSecond: 1 / (60 * 86_400), burst: 1 });
    bucket.allow();
    const order: string[] = [];
    void queue(bucket, order)("late");
    await vi.advanceTimersByTimeAsync(59 * 86_400_000);
    expect(order).toEqual([]);
    // The last millisecond goes to rounding.
    await vi.advanceTimersByTimeAsync(86_400_001);
    expect(order).toEqual(["late"]);
  });
});

describe("options", () => {
  it.each([
    [{ ratePerSecond: -1, burst: 1 }, "ratePerSecond must be a positive number, got -1"],
    [{ ratePerSecond: 0, burst: 1 }, "ratePerSecond must be a positive number, got 0"],
    [{ ratePerSecond: Number.NaN, burst: 1 }, "ratePerSecond must be a positive number, got NaN"],
    [{ ratePerSecond: Infinity, burst: 1 }, "ratePerSecond must be a positive number, got Infinity"],
    [{ ratePerSecond: 1, burst: 0 }, "burst must be a positive integer, got 0"],
    [{ ratePerSecond: 1, burst: 1.5 }, "burst must be a positive integer, got 1.5"],
    [{ ratePerSecond: 1, burst: 1, maxWaiting: -1 }, "maxWaiting must not be negative, got -1"],
  ])("%o is refused by name", (options, message) => {
    expect(() => tokenBucket(options)).toThrow(new TypeError(`tokenBucket: ${message}`));
  });
});

/** What a bucket must do, a millisecond at a time. A token is 8 parts, and each ms brings `partsPerMs`, so all numbers are whole. */
class Model {
  readonly partsPerMs: number;
  readonly capacity: number;
  parts: number;
  waiting: number[] = [];
  readonly admitted: number[] = [];

  constructor(partsPerMs: number, burst: number) {
    this.partsPerMs = partsPerMs;
    this.capacity = burst * 8;
    this.parts = this.capacity;
  }

  allow(): boolean {
    if (this.parts < 8 || this.waiting.length > 0) return false;
    this.parts -= 8;
    return true;
  }

  get waitMs(): number {
    return Math.max(0, Math.ceil(((this.waiting.length + 1) * 8 - this.parts) / this.partsPerMs));
  }

  advance(ms: number): void {
    for (; ms > 0; ms--) {
      this.parts = Math.min(this.capacity + this.waiting.length * 8, this.parts + this.partsPerMs);
      while (this.parts >= 8 && this.waiting.length > 0) {
        this.parts -= 8;
        this.admitted.push(this.waiting.shift()!);
      }
    }
  }
}

interface Real {
  readonly bucket: TokenBucket;
  readonly contexts: Map<number, { cancel(): void }>;
  readonly admitted: number[];
  readonly refused: number[];
}

class Advance implements fc.AsyncCommand<Model, Real> {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    model.advance(this.ms);
    await vi.advanceTimersByTimeAsync(this.ms);
    assert.deepEqual(real.admitted, model.admitted);
  }
  toString = (): string => `advance(${this.ms})`;
}

class Allow implements fc.AsyncCommand<Model, Real> {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    assert.equal(real.bucket.retryAfterMs(), model.waitMs);
    assert.equal(real.bucket.allow(), model.allow());
  }
  toString = (): string => "allow()";
}

let calls = 0;

class Wait implements fc.AsyncCommand<Model, Real> {
  readonly timeoutMs: number | undefined;
  constructor(timeoutMs: number | undefined) {
    this.timeoutMs = timeoutMs;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    const id = calls++;
    const refused = real.refused.length;
    const { waitMs } = model;
    const ctx = this.timeoutMs === undefined ? background.withCancel() : background.withTimeout(this.timeoutMs);
    real.bucket.wait(ctx).then(
      () => real.admitted.push(id),
      (error: unknown) => codeOf(error) === "resource_exhausted" && real.refused.push(id),
    );
    await vi.advanceTimersByTimeAsync(0);
    if (model.allow()) model.admitted.push(id);
    else if (waitMs < (this.timeoutMs ?? Infinity)) {
      model.waiting.push(id);
      real.contexts.set(id, ctx);
    } else assert.equal(real.refused.length, refused + 1);
    assert.deepEqual(real.admitted, model.admitted);
  }
  toString = (): string => `wait(${this.timeoutMs ?? ""})`;
}

class Cancel implements fc.AsyncCommand<Model, Real> {
  readonly which: number;
  constructor(which: number) {
    this.which = which;
  }
  check = (model: Readonly<Model>): boolean => model.waiting.length > 0;
  async run(model: Model, real: Real): Promise<void> {
    const [id] = model.waiting.splice(this.which % model.waiting.length, 1);
    real.contexts.get(id!)!.cancel();
    await vi.advanceTimersByTimeAsync(0);
    assert.deepEqual(real.admitted, model.admitted);
  }
  toString = (): string => `cancel(${this.which})`;
}

describe("a bucket", () => {
  it("does what the model does, whatever is done to it", async () => {
    const commands = fc.commands(
      [
        fc.integer({ min: 1, max: 40 }).map((ms) => new Advance(ms)),
        fc.constant(new Allow()),
        fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }).map((ms) => new Wait(ms)),
        fc.nat(10).map((which) => new Cancel(which)),
      ],
      { maxCommands: 60 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 2, 3, 8, 20),
        fc.integer({ min: 1, max: 4 }),
        commands,
        async (partsPerMs, burst, run) => {
          await fc.asyncModelRun(
            () => ({
              model: new Model(partsPerMs, burst),
              real: {
                bucket: tokenBucket({ ratePerSecond: partsPerMs * 125, burst }),
                contexts: new Map(),
                admitted: [],
                refused: [],
              },
            }),
            run,
          );
          await vi.runAllTimersAsync();
          expect(vi.getTimerCount()).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("never grants more than burst + rate * t in any stretch of time t", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 5_000, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { maxLength: 200 }),
        (ratePerSecond, burst, pauses) => {
          let time = 0;
          const bucket = tokenBucket({ ratePerSecond, burst, now: () => time });
          const granted: number[] = [];
          for (const pause of pauses) {
            time += pause;
            if (bucket.allow()) granted.push(time);
          }
          granted.forEach((from, i) =>
            granted.slice(i).forEach((to, more) => {
              expect(more + 1).toBeLessThanOrEqual(burst + ((to - from) * ratePerSecond) / 1_000 + 1e-6);
            }),
          );
        },
      ),
    );
  });
});
