import { codeOf, KitError } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { IncomingCalls } from "../src/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = (): Promise<never> => new Promise(() => {});
const codeAfter = (work: Promise<unknown>): Promise<string> => work.then(() => "done", codeOf);

describe("calls in hand", () => {
  it("hand on what the work comes to", async () => {
    const call = new IncomingCalls().begin(1_000);
    expect(await call.until(Promise.resolve(1))).toBe(1);
    const error = new Error("no");
    await expect(call.until(Promise.reject(error))).rejects.toBe(error);
  });

  it("give up when their time is up, whatever the work does", async () => {
    const calls = new IncomingCalls();
    const [short, long] = [calls.begin(100), calls.begin(10_000)];
    const outcome = codeAfter(short.until(never()));
    void codeAfter(long.until(never()));
    await vi.advanceTimersByTimeAsync(160);
    expect(await outcome).toBe("deadline_exceeded");
    expect(short.context.cancelled).toBeDefined();
    expect(long.context.cancelled).toBeUndefined();
  });

  it("end at once when they are cancelled, each by itself", async () => {
    const calls = new IncomingCalls();
    const [one, other] = [calls.begin(Infinity), calls.begin(Infinity)];
    const outcome = codeAfter(one.until(never()));
    one.cancel();
    expect(await outcome).toBe("canceled");
    expect(codeOf(one.context.cancelled)).toBe("canceled");
    expect(other.context.cancelled).toBeUndefined();
    other.cancel(new KitError("unavailable", "enough"));
    expect(codeOf(other.context.cancelled)).toBe("unavailable");
  });

  it("take one timer, and none when they are over", async () => {
    const calls = new IncomingCalls();
    const all = Array.from({ length: 100 }, () => calls.begin(1_000));
    expect(vi.getTimerCount()).toBe(1);
    for (const call of all) call.end();
    expect(calls.size).toBe(0);
    await vi.advanceTimersByTimeAsync(60);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("begin again after a quiet time", async () => {
    const calls = new IncomingCalls();
    calls.begin(1_000).end();
    await vi.advanceTimersByTimeAsync(60);
    const outcome = codeAfter(calls.begin(100).until(never()));
    await vi.advanceTimersByTimeAsync(160);
    expect(await outcome).toBe("deadline_exceeded");
  });

  it("drain when the last has ended", async () => {
    const calls = new IncomingCalls();
    const [first, last] = [calls.begin(1_000), calls.begin(1_000)];
    const drained = vi.fn<(finished: boolean) => void>();
    void calls.drain(10_000).then(drained);
    first.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(drained).not.toHaveBeenCalled();
    last.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(drained).toHaveBeenCalledExactlyOnceWith(true);
    await vi.advanceTimersByTimeAsync(60);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("are cancelled when draining takes too long", async () => {
    const calls = new IncomingCalls();
    const call = calls.begin(Infinity);
    const outcome = codeAfter(call.until(never()).finally(() => call.end()));
    const drained = calls.drain(500);
    await vi.advanceTimersByTimeAsync(500);
    expect(await outcome).toBe("unavailable");
    expect(await drained).toBe(false);
  });

  it("are drained at once when there are none", async () => {
    expect(await new IncomingCalls().drain(1)).toBe(true);
  });
});
