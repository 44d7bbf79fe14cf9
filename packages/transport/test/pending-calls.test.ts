import { background, codeOf, KitError } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PendingCalls } from "../src/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const codeAfter = (work: Promise<unknown>): Promise<unknown> => work.then((value) => value, codeOf);

describe("calls that wait for their reply", () => {
  it("get the reply to their own id", async () => {
    const pending = new PendingCalls<number, string>(1_000);
    const [one, two] = [pending.wait(1, background), pending.wait(2, background)];
    expect(pending.settle(2, "b")).toBe(true);
    expect(pending.settle(1, "a")).toBe(true);
    expect(await Promise.all([one, two])).toEqual(["a", "b"]);
    expect(pending.size).toBe(0);
  });

  it("drop a reply that comes twice, late, or from a stranger", async () => {
    const pending = new PendingCalls<string, string>(1_000);
    const call = pending.wait("a", background);
    expect(pending.settle("b", "stranger's")).toBe(false);
    expect(pending.settle("a", "first")).toBe(true);
    expect(pending.settle("a", "second")).toBe(false);
    expect(await call).toBe("first");
  });

  it("end with their context, which is told to the peer", async () => {
    const pending = new PendingCalls<number, string>(1_000);
    const ctx = background.withCancel();
    const tell = vi.fn<(cause: Error) => void>();
    const call = pending.wait(1, ctx, tell);
    const cause = new KitError("aborted", "never mind");
    ctx.cancel(cause);
    await expect(call).rejects.toBe(cause);
    expect(tell).toHaveBeenCalledExactlyOnceWith(cause);
    expect(pending.settle(1, "late")).toBe(false);
  });

  it("end at the deadline of their context", async () => {
    const pending = new PendingCalls<number, string>(10_000);
    const call = codeAfter(pending.wait(1, background.withTimeout(50)));
    await vi.advanceTimersByTimeAsync(50);
    expect(await call).toBe("deadline_exceeded");
  });

  it("are not even waited for when their context is over", async () => {
    const pending = new PendingCalls<number, string>(10_000);
    const tell = vi.fn<(cause: Error) => void>();
    const call = codeAfter(pending.wait(1, background.withDeadline(Date.now() - 1), tell));
    expect(await call).toBe("deadline_exceeded");
    expect(tell).not.toHaveBeenCalled();
    expect(pending.size).toBe(0);
  });

  it("end after the client's timeout, the oldest first, with one timer for all", async () => {
    const pending = new PendingCalls<number, string>(1_000);
    const tell = vi.fn<(cause: Error) => void>();
    const first = codeAfter(pending.wait(1, background, tell));
    await vi.advanceTimersByTimeAsync(500);
    const second = codeAfter(pending.wait(2, background, tell));
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(600);
    expect(await first).toBe("deadline_exceeded");
    expect(pending.size).toBe(1);
    await vi.advanceTimersByTimeAsync(500);
    expect(await second).toBe("deadline_exceeded");
    expect(tell).toHaveBeenCalledTimes(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("never end by themselves when there is no timeout", async () => {
    const pending = new PendingCalls<number, string>(Infinity);
    const call = pending.wait(1, background);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000_000);
    pending.settle(1, "at last");
    expect(await call).toBe("at last");
  });

  it("all fail with their connection", async () => {
    const pending = new PendingCalls<number, string>(1_000);
    const calls = [1, 2, 3].map((id) => codeAfter(pending.wait(id, background)));
    pending.failAll(new KitError("unavailable", "gone"));
    expect(await Promise.all(calls)).toEqual(["unavailable", "unavailable", "unavailable"]);
    expect(pending.size).toBe(0);
  });

  it("fail alone where only some are meant", async () => {
    const pending = new PendingCalls<number, string>(1_000);
    const calls = [1, 2, 3].map((id) => codeAfter(pending.wait(id, background)));
    pending.failAll(new KitError("permission_denied", "no"), (id) => id === 2);
    expect(await calls[1]).toBe("permission_denied");
    expect([pending.settle(1, "a"), pending.settle(3, "c")]).toEqual([true, true]);
    expect(await Promise.all(calls)).toEqual(["a", "permission_denied", "c"]);
  });

  it("all end when the client goes away, which is told to the peer", async () => {
    const pending = new PendingCalls<number, string>(1_000);
    const tell = vi.fn<(cause: Error) => void>();
    const calls = [1, 2].map((id) => codeAfter(pending.wait(id, background, tell)));
    pending.giveUpAll(new KitError("unavailable", "closed"));
    expect(await Promise.all(calls)).toEqual(["unavailable", "unavailable"]);
    expect([tell.mock.calls.length, pending.size]).toEqual([2, 0]);
  });

  it("let go of their context when they are answered", async () => {
    const pending = new PendingCalls<number, string>(1_000);
    const leave = vi.fn<() => void>();
    const ctx = { ...background, cancelled: undefined, onCancel: () => leave } as never;
    const call = pending.wait(1, ctx);
    pending.settle(1, "a");
    await call;
    expect(leave).toHaveBeenCalledOnce();
  });
});
