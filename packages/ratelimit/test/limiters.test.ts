import { background, chain, type Endpoint, KitError } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { delayingLimiter, erroringLimiter, tokenBucket } from "../src/index.ts";

const oncePerMinute = { ratePerSecond: 1 / 60, burst: 1 };
const greet = async ({ name }: { name: string }): Promise<string> => `hello ${name}`;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("erroringLimiter", () => {
  it("lets the first call pass and refuses the second, as go-kit's TestXRateErroring", async () => {
    const endpoint = vi.fn<typeof greet>(greet);
    const limited = erroringLimiter(tokenBucket(oncePerMinute))(endpoint);
    await expect(limited({ name: "Ada" }, background)).resolves.toBe("hello Ada");
    await expect(limited({ name: "Ada" }, background)).rejects.toThrow("rate limit exceeded");
    expect(endpoint).toHaveBeenCalledOnce();
  });

  it("says when a refused call may be allowed", async () => {
    const limited = erroringLimiter(tokenBucket(oncePerMinute))(greet);
    await limited({ name: "Ada" }, background);
    vi.advanceTimersByTime(15_000);
    await expect(limited({ name: "Ada" }, background)).rejects.toMatchObject({
      code: "resource_exhausted",
      retryAfterMs: 45_000,
    });
  });

  it("takes the bare function, and then knows no time to retry", async () => {
    const limited = erroringLimiter(() => false)(greet);
    const error = await limited({ name: "Ada" }, background).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "resource_exhausted", message: "rate limit exceeded" });
    expect(error).not.toHaveProperty("retryAfterMs");
  });

  it("captures no stack for a refusal, known or unknown when", async () => {
    for (const allower of [() => false, { allow: () => false, retryAfterMs: () => 5 }]) {
      const error: Error = await erroringLimiter(allower)(greet)({ name: "Ada" }, background).then(
        () => expect.unreachable(),
        (e) => e,
      );
      expect(error.stack).not.toContain(" at ");
    }
  });

  it("calls the allower as a method, once a call", async () => {
    const allower = {
      left: 1,
      allow(): boolean {
        return this.left-- > 0;
      },
    };
    const limited = erroringLimiter(allower)(greet);
    await limited({ name: "Ada" }, background);
    await expect(limited({ name: "Ada" }, background)).rejects.toThrow("rate limit exceeded");
    expect(allower.left).toBe(-1);
  });

  it("calls the endpoint at once when the limit decides at once", () => {
    const endpoint = vi.fn<typeof greet>(greet);
    void erroringLimiter(() => true)(endpoint)({ name: "Ada" }, background);
    expect(endpoint).toHaveBeenCalledOnce();
  });

  it("waits for a limit that asks another machine, and fails with it", async () => {
    const answers: (boolean | Error)[] = [true, false, new KitError("unavailable", "it is away")];
    const allower = {
      allow: async () => {
        const answer = answers.shift();
        if (answer instanceof Error) throw answer;
        return answer === true;
      },
      retryAfterMs: () => 7,
    };
    const endpoint = vi.fn<typeof greet>(greet);
    const limited = erroringLimiter(allower)(endpoint);
    await expect(limited({ name: "Ada" }, background)).resolves.toBe("hello Ada");
    await expect(limited({ name: "Ada" }, background)).rejects.toMatchObject({
      code: "resource_exhausted",
      retryAfterMs: 7,
    });
    await expect(limited({ name: "Ada" }, background)).rejects.toThrow("it is away");
    expect(endpoint).toHaveBeenCalledOnce();
  });

  it("keeps the endpoint's types in a chain", () => {
    const wrap = chain(
      erroringLimiter(() => true),
      delayingLimiter(async () => {}),
    );
    expectTypeOf(wrap(greet)).toEqualTypeOf<Endpoint<{ name: string }, string>>();
  });
});

describe("delayingLimiter", () => {
  it("fails the second call at once when the deadline is nearer than the wait, as go-kit's TestXRateDelaying", async () => {
    const limited = delayingLimiter(tokenBucket(oncePerMinute))(greet);
    const ctx = background.withTimeout(500);
    await expect(limited({ name: "Ada" }, ctx)).resolves.toBe("hello Ada");
    await expect(limited({ name: "Ada" }, ctx)).rejects.toThrow("exceed context deadline");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("calls the endpoint when its turn has come, with the request and the context it was called with", async () => {
    const endpoint = vi.fn<typeof greet>(greet);
    const limited = delayingLimiter(tokenBucket({ ratePerSecond: 10, burst: 1 }))(endpoint);
    await limited({ name: "Ada" }, background);
    const request = { name: "Grace" };
    const ctx = background.withTimeout(1_000);
    const call = limited(request, ctx);
    await vi.advanceTimersByTimeAsync(99);
    expect(endpoint).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(1);
    await expect(call).resolves.toBe("hello Grace");
    expect(endpoint.mock.lastCall).toEqual([request, ctx]);
  });

  it("passes on what the waiter rejects with, and does not call the endpoint", async () => {
    const reason = new KitError("failed_precondition", "closed for today");
    const endpoint = vi.fn<typeof greet>(greet);
    for (const waiter of [() => Promise.reject(reason), { wait: () => Promise.reject(reason) }]) {
      await expect(delayingLimiter(waiter)(endpoint)({ name: "Ada" }, background)).rejects.toBe(reason);
    }
    expect(endpoint).not.toHaveBeenCalled();
  });
});
