import { afterEach, describe, expect, it, vi } from "vitest";
import { background, codeOf } from "../src/index.ts";

const startMs = 1_000_000;

describe("onCancel", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it("does not call a listener that another listener took away", () => {
    const child = background.withCancel();
    const taken = vi.fn<() => void>();
    child.onCancel(() => remove());
    const remove = child.onCancel(taken);
    child.cancel();
    expect(taken).not.toHaveBeenCalled();
  });

  it.each([0, 1, 2, 3, 4, 5])(
    "calls a listener that comes while the deadline passes, after %d looks at the clock",
    (looks) => {
      vi.useFakeTimers({ now: startMs });
      const child = background.withDeadline(startMs + 1).withCancel();
      let reads = 0;
      vi.spyOn(Date, "now").mockImplementation(() => startMs + (reads++ < looks ? 0 : 1));
      const listener = vi.fn<() => void>();
      child.onCancel(listener);
      vi.advanceTimersByTime(10);
      expect(codeOf(child.cancelled)).toBe("deadline_exceeded");
      expect(listener).toHaveBeenCalledOnce();
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it("tells the others when a listener throws, and lets the failure surface", () => {
    const parent = background.withCancel();
    const told = vi.fn<() => void>();
    parent.withCancel().onCancel(() => {
      throw new Error("a listener must not throw");
    });
    parent.withCancel().onCancel(told);
    const later = vi.spyOn(globalThis, "queueMicrotask").mockReturnValue();
    parent.cancel();
    expect(told).toHaveBeenCalledOnce();
    expect(later.mock.calls[0]?.[0]).toThrow("a listener must not throw");
  });

  it("holds for a context as deep as a recursion can make one", () => {
    const top = background.withCancel();
    let ctx = top;
    for (let i = 0; i < 100_000; i += 1) ctx = ctx.withCancel();
    expect(ctx.cancelled).toBeUndefined();
    top.cancel();
    expect(codeOf(ctx.cancelled)).toBe("canceled");
  });
});

describe("withTimeout", () => {
  it("of Infinity is no deadline, so that none crosses a wire", () => {
    expect(background.withTimeout(Number.POSITIVE_INFINITY).deadline).toBeUndefined();
  });
});
