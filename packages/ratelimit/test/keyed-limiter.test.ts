import assert from "node:assert/strict";
import { background, chain, contextKey, type Endpoint } from "@kit/endpoint";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { erroringLimiter, keyedLimiter, slidingWindow, tokenBucket } from "../src/index.ts";

interface Call {
  readonly user: string;
}

const userOf = (call: Call): string => call.user;
const endpoint = async (call: Call): Promise<string> => `hello ${call.user}`;

/** Calls in turn, and tells of each whether it went on. */
async function passed(limited: Endpoint<Call, string>, ...users: string[]): Promise<boolean[]> {
  const outcomes = [];
  for (const user of users) {
    outcomes.push(
      await limited({ user }, background).then(
        () => true,
        () => false,
      ),
    );
  }
  return outcomes;
}

describe("keyedLimiter", () => {
  it("has a limit for each key", async () => {
    const limited = keyedLimiter({ key: userOf, limit: () => tokenBucket({ ratePerSecond: 1 / 60, burst: 1 }) })(
      endpoint,
    );
    expect(await passed(limited, "ada", "grace", "ada", "grace", "joan")).toEqual([true, true, false, false, true]);
  });

  it("refuses as the limit would by itself", async () => {
    const limited = keyedLimiter({
      key: userOf,
      limit: () => slidingWindow({ limit: 1, windowMs: 60_000, now: () => 0 }),
    })(endpoint);
    await limited({ user: "ada" }, background);
    await expect(limited({ user: "ada" }, background)).rejects.toMatchObject({
      code: "resource_exhausted",
      message: "rate limit exceeded",
      retryAfterMs: 60_000,
    });
  });

  it("takes its key from the context, and tells it to whoever makes the limit", async () => {
    const tenant = contextKey<string>("@test/tenant");
    const limit = vi.fn<(key: string) => ReturnType<typeof slidingWindow>>(() =>
      slidingWindow({ limit: 1, windowMs: 60_000 }),
    );
    const limited = keyedLimiter({ key: (_, ctx) => ctx.get(tenant) ?? "none", limit })(endpoint);
    await limited({ user: "ada" }, background.with(tenant, "acme"));
    await expect(limited({ user: "grace" }, background.with(tenant, "acme"))).rejects.toThrow("rate limit exceeded");
    expect(limit.mock.calls).toEqual([["acme"]]);
  });

  it("shares its limits between the endpoints that it wraps", async () => {
    const limiter = keyedLimiter({ key: userOf, limit: () => slidingWindow({ limit: 1, windowMs: 60_000 }) });
    expect(await passed(limiter(endpoint), "ada")).toEqual([true]);
    expect(await passed(limiter(endpoint), "ada", "grace")).toEqual([false, true]);
  });

  it("forgets the oldest key that is idle when there is no room", async () => {
    let time = 0;
    const limit = vi.fn<() => ReturnType<typeof slidingWindow>>(() =>
      slidingWindow({ limit: 1, windowMs: 100, now: () => time }),
    );
    const limited = keyedLimiter({ key: userOf, limit, maxKeys: 2 })(endpoint);
    expect(await passed(limited, "ada", "grace")).toEqual([true, true]);
    time = 99;
    await passed(limited, "ada", "grace");
    time = 100;
    expect(await passed(limited, "joan", "grace", "ada")).toEqual([true, true, true]);
    // ada, grace, joan, then ada again in the crowd: grace and joan are remembered and busy.
    expect(limit).toHaveBeenCalledTimes(4);
  });

  it("resets no limit for a caller with very many keys, and remembers no more than it may", async () => {
    const limit = vi.fn<() => ReturnType<typeof slidingWindow>>(() => slidingWindow({ limit: 2, windowMs: 3_600_000 }));
    const limited = keyedLimiter({ key: userOf, limit, maxKeys: 100 })(endpoint);
    expect(await passed(limited, "mallory", "mallory", "mallory")).toEqual([true, true, false]);
    const others = Array.from({ length: 5_000 }, (_, n) => `other-${n}`);
    const went = (await passed(limited, ...others)).filter(Boolean).length;
    // 99 found room, and all others share one limit.
    expect(went).toBe(99 + 2);
    expect(limit).toHaveBeenCalledTimes(101);
    expect(await passed(limited, "mallory", "other-0", "other-4999")).toEqual([false, true, false]);
  });

  it("looks at a few keys only for room, and at others the next time", async () => {
    const idle = vi.fn<() => boolean>(() => false);
    const limited = keyedLimiter({ key: userOf, limit: () => ({ allow: () => true, idle }), maxKeys: 100 })(endpoint);
    await passed(limited, ...Array.from({ length: 100 }, (_, n) => `${n}`));
    expect(idle).not.toHaveBeenCalled();
    await passed(limited, "a");
    expect(idle).toHaveBeenCalledTimes(8);
    idle.mockImplementationOnce(() => true);
    await passed(limited, "b", "b");
    expect(idle).toHaveBeenCalledTimes(9);
  });

  it("keeps a long key apart from others, and any text", async () => {
    const limited = keyedLimiter({ key: userOf, limit: () => slidingWindow({ limit: 1, windowMs: 60_000 }) })(endpoint);
    const keys = ["x".repeat(100_000), `${"x".repeat(99_999)}y`, "\ud800", "\ud801", "", "é".repeat(64), "__proto__"];
    expect(await passed(limited, ...keys)).toEqual(keys.map(() => true));
    expect(await passed(limited, ...keys)).toEqual(keys.map(() => false));
  });

  it("keeps the types, and fits where its requests do", () => {
    const limiter = keyedLimiter({ key: userOf, limit: () => slidingWindow({ limit: 1, windowMs: 1 }) });
    expectTypeOf(limiter(endpoint)).toEqualTypeOf<Endpoint<Call, string>>();
    // @ts-expect-error: a number has no user
    limiter(async (n: number) => n);
    const any = keyedLimiter({
      key: (_, ctx) => String(ctx.deadline),
      limit: () => slidingWindow({ limit: 1, windowMs: 1 }),
    });
    expectTypeOf(
      chain(
        any,
        erroringLimiter(() => true),
      )(endpoint),
    ).toEqualTypeOf<Endpoint<Call, string>>();
  });

  it.each([
    [{ key: "user" }, "key must be a function"],
    [{ limit: 5 }, "limit must be a function"],
    [{ maxKeys: 0 }, "maxKeys must be a positive integer, got 0"],
  ])("%o is refused by name", (wrong, message) => {
    const options = { key: userOf, limit: () => tokenBucket({ ratePerSecond: 1, burst: 1 }), ...wrong };
    expect(() => keyedLimiter(options as never)).toThrow(new TypeError(`keyedLimiter: ${message}`));
  });

  it("lets no key have more than its own limit and the crowd's, and with room for all just its own", async () => {
    const anyCalls = fc.array(fc.tuple(fc.nat(30), fc.nat(7)), { maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(anyCalls, fc.integer({ min: 1, max: 8 }), async (calls, maxKeys) => {
        let time = 0;
        const newWindow = (): ReturnType<typeof slidingWindow> =>
          slidingWindow({ limit: 2, windowMs: 50, now: () => time });
        const limited = keyedLimiter({ key: userOf, limit: newWindow, maxKeys })(endpoint);
        const granted = new Map<string, number[]>();
        for (const [pause, n] of calls) {
          time += pause;
          const key = `${n}`;
          const recent = (granted.get(key) ?? []).filter((at) => at + 50 > time);
          const [went] = await passed(limited, key);
          if (maxKeys === 8) assert.equal(went, recent.length < 2);
          granted.set(key, went ? [...recent, time] : recent);
          assert.ok(granted.get(key)!.length <= 4);
        }
      }),
    );
  });
});
