import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { background, type CancellableContext, codeOf, type Context, contextKey } from "../src/index.ts";

const startMs = Date.UTC(2026, 0, 1);
const day = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers({ now: startMs });
});

afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  // Whatever a test did, it has ended its contexts.
  if (left > 0) throw new Error(`${left} timers are left`);
});

describe("background", () => {
  it("has no deadline, no values and no end", () => {
    const listener = vi.fn<() => void>();
    const remove = background.onCancel(listener);
    vi.advanceTimersByTime(365 * day);
    expect(background.deadline).toBeUndefined();
    expect(background.cancelled).toBeUndefined();
    expect(background.signal.aborted).toBe(false);
    expect(background.get(contextKey("@test/any"))).toBeUndefined();
    expect(listener).not.toHaveBeenCalled();
    remove();
  });

  it("cannot be ended by its type, nor can a context with a value", () => {
    expectTypeOf(background).toEqualTypeOf<Context>();
    expectTypeOf<Context>().not.toHaveProperty("cancel");
    expectTypeOf(background.with(contextKey<number>("@test/n"), 1)).toEqualTypeOf<Context>();
    expectTypeOf(background.withCancel()).toEqualTypeOf<CancellableContext>();
    expectTypeOf<CancellableContext>().toExtend<Context & Disposable>();
  });
});

describe("with", () => {
  const user = contextKey<string>("@test/user");
  const tenant = contextKey<string>("@test/tenant");

  it("makes a child that has the value, and leaves the parent as it was", () => {
    const child = background.with(user, "ada");
    expect(child.get(user)).toBe("ada");
    expect(background.get(user)).toBeUndefined();
  });

  it("lets the nearest value win, and other keys through", () => {
    const outer = background.with(user, "ada").with(tenant, "acme");
    const inner = outer.withCancel().with(user, "grace").withTimeout(50);
    expect(inner.get(user)).toBe("grace");
    expect(inner.get(tenant)).toBe("acme");
    expect(outer.get(user)).toBe("ada");
  });

  it("keeps every kind of value, and takes one back with undefined", () => {
    const any = contextKey<unknown>("@test/any");
    for (const value of [null, 0, "", false, Number.NaN, () => 1])
      expect(background.with(any, value).get(any)).toBe(value);
    expect(background.with(any, 1).with(any, undefined).get(any)).toBeUndefined();
  });

  it("has its parent's deadline and end", () => {
    const parent = background.withTimeout(50);
    const child = parent.with(user, "ada");
    expect(child.deadline).toBe(startMs + 50);
    parent.cancel();
    expect(child.cancelled).toBe(parent.cancelled);
  });

  it("finds a value under many others", () => {
    let ctx = background.with(user, "ada");
    for (let i = 0; i < 10_000; i += 1) ctx = ctx.with(tenant, String(i));
    expect(ctx.get(user)).toBe("ada");
    expect(ctx.get(tenant)).toBe("9999");
  });
});

describe("withCancel", () => {
  it("ends itself and its descendants, but neither its parent nor its siblings", () => {
    const parent = background.withCancel();
    const child = parent.withCancel();
    const sibling = parent.withCancel();
    const grandchild = child.with(contextKey("@test/any"), 1).withTimeout(50);
    child.cancel();
    expect(codeOf(child.cancelled)).toBe("canceled");
    expect(grandchild.cancelled).toBe(child.cancelled);
    expect(sibling.cancelled).toBeUndefined();
    expect(parent.cancelled).toBeUndefined();
  });

  it("gives the cause it was given, and the first one stands", () => {
    const child = background.withCancel();
    const first = new Error("the client went away");
    child.cancel(first);
    child.cancel(new Error("again"));
    child[Symbol.dispose]();
    expect(child.cancelled).toBe(first);
  });

  it("ends with its scope in a using declaration", () => {
    const listener = vi.fn<() => void>();
    let escaped: Context;
    {
      using child = background.withTimeout(50);
      escaped = child;
      child.onCancel(listener);
      expect(vi.getTimerCount()).toBe(1);
    }
    expect(codeOf(escaped.cancelled)).toBe("canceled");
    expect(listener).toHaveBeenCalledExactlyOnceWith(escaped.cancelled);
  });

  it("captures no stack for a cancellation, because it may come by the thousand", () => {
    const child = background.withCancel();
    child.cancel();
    expect(child.cancelled?.stack).not.toMatch(/\n {4}at /);
  });

  it("makes a child of an ended parent ended from the start, for the parent's cause", () => {
    const parent = background.withCancel();
    const cause = new Error("gone");
    parent.cancel(cause);
    const child = parent.withTimeout(50);
    const listener = vi.fn<() => void>();
    child.onCancel(listener);
    expect(child.cancelled).toBe(cause);
    expect(listener).toHaveBeenCalledExactlyOnceWith(cause);
  });
});

describe("withTimeout and withDeadline", () => {
  it("count from now, and end when the moment comes", () => {
    const child = background.withTimeout(250);
    expect(child.deadline).toBe(startMs + 250);
    vi.advanceTimersByTime(249);
    expect(child.cancelled).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(codeOf(child.cancelled)).toBe("deadline_exceeded");
    expect(child.cancelled?.stack).not.toMatch(/\n {4}at /);
  });

  it("are never later than the parent's", () => {
    const parent = background.withDeadline(startMs + 100);
    expect(parent.withDeadline(startMs + 500).deadline).toBe(startMs + 100);
    expect(parent.withTimeout(500).deadline).toBe(startMs + 100);
    expect(parent.withTimeout(50).deadline).toBe(startMs + 50);
    expect(parent.withCancel().deadline).toBe(startMs + 100);
    expect(parent.deadline).toBe(startMs + 100);
  });

  it.each([0, -1, Number.NEGATIVE_INFINITY])("are over at once after %d ms", (ms) => {
    const listener = vi.fn<() => void>();
    const child = background.withTimeout(ms);
    child.onCancel(listener);
    expect(codeOf(child.cancelled)).toBe("deadline_exceeded");
    expect(listener).toHaveBeenCalledExactlyOnceWith(child.cancelled);
    expect(child.signal.reason).toBe(child.cancelled);
  });

  it("refuse a moment that is not a number, rather than never to end", () => {
    for (const make of [() => background.withTimeout(Number.NaN), () => background.withDeadline(Number.NaN)]) {
      expect(make).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    }
  });

  it("hold past what one timer can wait, which is 2^31 - 1 ms", () => {
    const ended = vi.fn<() => void>();
    background.withTimeout(60 * day).onCancel(ended);
    vi.advanceTimersByTime(60 * day - 1);
    expect(ended).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ended).toHaveBeenCalledOnce();
  });

  it("stop such a long wait when the listener goes, however often the timer was renewed", () => {
    const remove = background.withTimeout(60 * day).onCancel(() => {});
    vi.advanceTimersByTime(30 * day);
    expect(vi.getTimerCount()).toBe(1);
    remove();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2])("end after %d ms to the millisecond", (ms) => {
    const ended = vi.fn<() => void>();
    background.withTimeout(ms).onCancel(ended);
    vi.advanceTimersByTime(ms - 1);
    expect(ended).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ended).toHaveBeenCalledOnce();
  });

  it("hold no timer while nobody waits", () => {
    const child = background.withTimeout(50);
    child.withCancel().with(contextKey("@test/any"), 1).withTimeout(20);
    expect(child.cancelled).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("hold one timer for all who wait for the same moment", () => {
    const parent = background.withTimeout(50);
    const removes = [
      parent,
      parent.withCancel(),
      parent.withTimeout(500),
      parent.with(contextKey("@test/any"), 1),
    ].flatMap((ctx) => [ctx.onCancel(() => {}), ctx.onCancel(() => {})]);
    expect(vi.getTimerCount()).toBe(1);
    for (const remove of removes) remove();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("onCancel", () => {
  it("calls each listener once, with the cause", () => {
    const child = background.withTimeout(50);
    const [first, second] = [vi.fn<() => void>(), vi.fn<() => void>()];
    child.onCancel(first);
    child.onCancel(second);
    vi.advanceTimersByTime(100);
    child.cancel();
    expect(first).toHaveBeenCalledExactlyOnceWith(child.cancelled);
    expect(second).toHaveBeenCalledExactlyOnceWith(child.cancelled);
    expect(codeOf(child.cancelled)).toBe("deadline_exceeded");
  });

  it("calls in the order of listening", () => {
    const calls: string[] = [];
    const parent = background.withCancel();
    const child = parent.withCancel();
    parent.onCancel(() => calls.push("parent, before the child"));
    child.onCancel(() => calls.push("child"));
    parent.onCancel(() => calls.push("parent, after the child"));
    parent.cancel();
    expect(calls).toEqual(["parent, before the child", "child", "parent, after the child"]);
  });

  it("calls at once, and returns before it is called, when the context is over", () => {
    const child = background.withCancel();
    child.cancel();
    const listener = vi.fn<() => void>();
    const remove = child.onCancel(listener);
    expect(listener).toHaveBeenCalledExactlyOnceWith(child.cancelled);
    remove();
  });

  it("does not call a listener that was taken away, and takes away only that one", () => {
    const child = background.withCancel();
    const listener = vi.fn<() => void>();
    const remove = child.onCancel(listener);
    child.onCancel(listener);
    remove();
    remove();
    child.cancel();
    expect(listener).toHaveBeenCalledOnce();
    remove();
  });

  it("finds the context over in its listeners, whatever they do with it", () => {
    const child = background.withCancel();
    const late = vi.fn<() => void>();
    child.onCancel((cause) => {
      expect(child.cancelled).toBe(cause);
      child.cancel(new Error("too late"));
      child.onCancel(late);
      expect(late).toHaveBeenCalledExactlyOnceWith(cause);
    });
    child.cancel();
    expect.assertions(2);
  });

  it("tells those who wait as soon as somebody notices, before the timer does", () => {
    const child = background.withTimeout(50);
    const listener = vi.fn<() => void>();
    child.onCancel(listener);
    vi.setSystemTime(startMs + 50);
    expect(listener).not.toHaveBeenCalled();
    expect(codeOf(child.cancelled)).toBe("deadline_exceeded");
    expect(listener).toHaveBeenCalledOnce();
  });

  it("starts to wait again after everybody had left", () => {
    const parent = background.withTimeout(50);
    const child = parent.withCancel();
    child.onCancel(() => {})();
    expect(vi.getTimerCount()).toBe(0);
    const listener = vi.fn<() => void>();
    child.onCancel(listener);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(50);
    expect(listener).toHaveBeenCalledOnce();
  });

  it("keeps waiting for the others when one leaves", () => {
    const parent = background.withTimeout(50);
    const [child, sibling] = [parent.withCancel(), parent.withCancel()];
    const listener = vi.fn<() => void>();
    child.onCancel(() => {})();
    const remove = sibling.onCancel(() => {});
    child.onCancel(listener);
    remove();
    vi.advanceTimersByTime(50);
    expect(listener).toHaveBeenCalledOnce();
  });
});

describe("signal", () => {
  let controllers: number;

  beforeEach(() => {
    controllers = 0;
    const { AbortController } = globalThis;
    vi.stubGlobal(
      "AbortController",
      class extends AbortController {
        constructor() {
          super();
          controllers += 1;
        }
      },
    );
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("is made only when asked for", () => {
    const child = background.with(contextKey("@test/any"), 1).withTimeout(50).withCancel();
    child.onCancel(() => {});
    expect(child.deadline).toBe(startMs + 50);
    child.cancel();
    expect(child.cancelled).toBeDefined();
    expect(controllers).toBe(0);
  });

  it("is made once for a context and the values below it", () => {
    const child = background.withCancel();
    const { signal } = child;
    expect(child.signal).toBe(signal);
    expect(child.with(contextKey("@test/any"), 1).signal).toBe(signal);
    expect(controllers).toBe(1);
    expect(child.withCancel().signal).not.toBe(signal);
  });

  it("aborts with the context, the cause its reason", () => {
    const parent = background.withTimeout(50);
    const { signal } = parent.withCancel();
    const aborted = vi.fn<() => void>();
    signal.addEventListener("abort", aborted);
    vi.advanceTimersByTime(49);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe(parent.cancelled);
    expect(aborted).toHaveBeenCalledOnce();
  });

  it("is aborted from the start when the context is over", () => {
    const child = background.withCancel();
    const cause = new Error("gone");
    child.cancel(cause);
    expect(child.signal.aborted).toBe(true);
    expect(child.signal.reason).toBe(cause);
    expect(child.signal).toBe(child.signal);
  });

  it("gives code and message back from what the platform rejects with", async () => {
    const child = background.withCancel();
    const waiting = new Promise((_, reject) => {
      child.signal.addEventListener("abort", () => reject(child.signal.reason as Error));
    });
    child.cancel();
    await expect(waiting).rejects.toMatchObject({ code: "canceled" });
  });
});
