import { background } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { until } from "../src/index.ts";

const never = new Promise<never>(() => {});

describe("until", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("resolves with the work", async () => {
    await expect(until(background, Promise.resolve(1))).resolves.toBe(1);
  });

  it("rejects with the work", async () => {
    const error = new Error("failed");
    await expect(until(background, Promise.reject(error))).rejects.toBe(error);
  });

  it("rejects with the cause of a context that ends first", async () => {
    using ctx = background.withCancel();
    const answer = until(ctx, never);
    const cause = new Error("gone");
    ctx.cancel(cause);
    await expect(answer).rejects.toBe(cause);
  });

  it("rejects at the context's deadline", async () => {
    using ctx = background.withTimeout(250);
    const answer = until(ctx, never);
    const settled = vi.fn<() => void>();
    answer.catch(settled);
    await vi.advanceTimersByTimeAsync(249);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await expect(answer).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("rejects at once where the context is over, whatever the work did", async () => {
    const ctx = background.withCancel();
    ctx.cancel();
    await expect(until(ctx, Promise.resolve(1))).rejects.toMatchObject({ code: "canceled" });
  });

  it("keeps the outcome of work that was done when the context ended", async () => {
    using ctx = background.withCancel();
    const answer = until(ctx, Promise.resolve(1));
    await Promise.resolve();
    ctx.cancel();
    await expect(answer).resolves.toBe(1);
  });

  it("lets work fail unseen after the context has ended", async () => {
    vi.useRealTimers();
    const unhandled = vi.fn<() => void>();
    process.on("unhandledRejection", unhandled);
    try {
      using ctx = background.withCancel();
      let fail!: (error: Error) => void;
      const work = new Promise<never>((_, reject) => {
        fail = reject;
      });
      const answer = until(ctx, work);
      ctx.cancel();
      await expect(answer).rejects.toMatchObject({ code: "canceled" });
      fail(new Error("late"));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off("unhandledRejection", unhandled);
    }
  });

  it.each([
    ["resolves", () => Promise.resolve(1)],
    ["rejects", () => Promise.reject(new Error("failed"))],
  ])("stops listening when the work %s", async (_, work) => {
    // A context keeps its deadline's timer only while somebody listens.
    using ctx = background.withTimeout(250);
    const answer = until(ctx, work());
    expect(vi.getTimerCount()).toBe(1);
    await answer.catch(() => {});
    expect(vi.getTimerCount()).toBe(0);
  });
});
