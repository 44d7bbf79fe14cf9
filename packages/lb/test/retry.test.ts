import { background, type Context, type Endpoint, extract, inject, KitError, refusal } from "@kit/endpoint";
import { fixedEndpointer } from "@kit/sd";
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { attempt, type Balancer, isRetryError, noEndpoints, retry, type RetryError, roundRobin } from "../src/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  const timers = vi.getTimerCount();
  vi.useRealTimers();
  assert.equal(timers, 0, "no test leaves a timer");
});

const unavailable = (message: string, options?: { retryAfterMs: number }): KitError =>
  refusal("unavailable", message, options);

function failing(error: unknown): Endpoint {
  return async () => {
    throw error;
  };
}

const succeeding: Endpoint<unknown, string> = async () => "done";

/** Never answers. */
const hanging: Endpoint = () => new Promise(() => {});

/** Answers when its context ends. */
const leaving: Endpoint = (_, ctx) =>
  new Promise((_resolve, reject) => {
    ctx.onCancel(reject);
  });

const throwing: Endpoint = () => {
  throw unavailable("thrown");
};

/** Takes 10 ms without giving up the processor. */
const blocking: Endpoint = async () => {
  vi.setSystemTime(Date.now() + 10);
  throw unavailable("down");
};

/** Streams, twice, whether its context has ended. */
const streaming: Endpoint = async (_, ctx) =>
  (async function* items() {
    yield ctx.cancelled;
    yield ctx.cancelled;
  })();

/** Notes when it was called, and fails. */
function timed(log: number[]): Endpoint {
  const from = Date.now();
  return async () => {
    log.push(Date.now() - from);
    throw unavailable("down");
  };
}

function balanced(...endpoints: Endpoint[]): Balancer {
  return roundRobin(fixedEndpointer(endpoints));
}

async function rejectionOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (response) => expect.unreachable(`answered ${String(response)}`),
    (error: unknown) => error,
  );
}

async function retryErrorOf(call: Promise<unknown>): Promise<RetryError> {
  const error = await rejectionOf(call);
  if (!isRetryError(error)) throw error;
  return error;
}

describe("what go-kit tests", () => {
  it("fails after 999 attempts at nothing, TestRetryMaxTotalFail", async () => {
    const balancer = balanced();
    const pick = vi.spyOn(balancer, "pick");
    const error = await retryErrorOf(retry(balancer, { attempts: 999, timeoutMs: 1_000 })({}, background));
    expect(error.final).toBe(noEndpoints);
    expect(error.errors).toHaveLength(999);
    expect(pick).toHaveBeenCalledTimes(999);
  });

  it("fails when 2 attempts of 3 endpoints fail and no more are allowed, TestRetryMaxPartialFail", async () => {
    const [one, two] = [unavailable("error one"), unavailable("error two")];
    const balancer = balanced(failing(one), failing(two), succeeding);
    const error = await retryErrorOf(retry(balancer, { attempts: 2, timeoutMs: 1_000 })({}, background));
    expect(error.message).toBe("error two (previously: error one)");
    expect(error.errors).toEqual([one, two]);
  });

  it("succeeds with the third attempt, TestRetryMaxSuccess", async () => {
    const balancer = balanced(failing(unavailable("error one")), failing(unavailable("error two")), succeeding);
    await expect(retry(balancer, { attempts: 3, timeoutMs: 1_000 })({}, background)).resolves.toBe("done");
  });

  it("gives the context's error itself when a slow call exceeds the deadline, TestRetryTimeout", async () => {
    let slow = false;
    const seen: Context[] = [];
    const endpoint: Endpoint = (_, ctx) => {
      seen.push(ctx);
      return slow ? new Promise(() => {}) : Promise.resolve("done");
    };
    const retrying = retry(balanced(endpoint), { attempts: 999, timeoutMs: 10 });
    await expect(retrying({}, background)).resolves.toBe("done");
    slow = true;
    const call = rejectionOf(retrying({}, background));
    await vi.advanceTimersByTimeAsync(10);
    const error = await call;
    expect(error).toBe(seen[1]?.cancelled);
    expect(error).toMatchObject({ code: "deadline_exceeded" });
  });

  it("fails with the callback's error instead, TestAbortEarlyCustomMessage", async () => {
    const aborting = new Error("aborting early");
    const retrying = retry(balanced(), {
      attempts: 999,
      timeoutMs: 1_000,
      callback: () => ({ retry: false, error: aborting }),
    });
    const error = await retryErrorOf(retrying({}, background));
    expect(error.final).toBe(aborting);
    expect(error.errors).toEqual([noEndpoints]);
    expect(error.message).toBe("aborting early");
  });

  it("shows the callback the error itself, TestErrorPassedUnchangedToCallback", async () => {
    const mine = new Error("my custom error");
    const callback = vi.fn<(attempt: number, error: unknown) => boolean>(() => false);
    const error = await retryErrorOf(retry(balanced(failing(mine)), { timeoutMs: 1_000, callback })({}, background));
    expect(callback.mock.calls).toEqual([[1, mine]]);
    expect(callback.mock.calls[0]?.[1]).toBe(mine);
    expect(error.final).toBe(mine);
  });

  it("needs no callback, TestHandleNilCallback", async () => {
    await expect(retry(balanced(succeeding), { timeoutMs: 1_000 })({}, background)).resolves.toBe("done");
  });
});

describe("attempts", () => {
  it("are three by default, each at what the balancer picks for it", async () => {
    const request = { key: 1 };
    const endpoint = vi.fn<Endpoint>(failing(unavailable("down")));
    const pick = vi.fn<Balancer["pick"]>(() => endpoint);
    const ctx = background.withCancel();
    await retryErrorOf(retry({ pick })(request, ctx));
    expect(pick.mock.calls.every(([given, call]) => given === ctx && call === request)).toBe(true);
    expect(endpoint).toHaveBeenCalledTimes(3);
    expect(endpoint.mock.calls.every(([given]) => given === request)).toBe(true);
  });

  it("go to an endpoint not tried before, though other calls take their turns in between", async () => {
    const down = failing(unavailable("down"));
    const retrying = retry(balanced(down, succeeding), { attempts: 2 });
    await expect(Promise.all([retrying({}, background), retrying({}, background)])).resolves.toEqual(["done", "done"]);
  });

  it("go to the same endpoint when there is no other, after as many picks as were tried, twice", async () => {
    const endpoint = vi.fn<Endpoint>(failing(unavailable("down")));
    const pick = vi.fn<Balancer["pick"]>(() => endpoint);
    await retryErrorOf(retry({ pick }, { attempts: 100 })({}, background));
    expect(endpoint).toHaveBeenCalledTimes(100);
    expect(pick).toHaveBeenCalledTimes(1 + 99 * 3);
  });

  it("end with the first response, the same object", async () => {
    const response = { v: 3 };
    const endpoint = vi.fn<Endpoint>(async () => response);
    expect(await retry(balanced(endpoint))({}, background)).toBe(response);
    expect(endpoint).toHaveBeenCalledOnce();
  });

  it("count a throw of the endpoint as a rejection", async () => {
    await expect(retry(balanced(throwing, succeeding))({}, background)).resolves.toBe("done");
  });

  it("count an endpoint that returns no promise as failed", async () => {
    const broken = (() => undefined) as unknown as Endpoint;
    await expect(retry(balanced(broken, succeeding))({}, background)).resolves.toBe("done");
  });

  it("count an error that is undefined", async () => {
    const endpoint = vi.fn<Endpoint>(failing(undefined));
    const error = await retryErrorOf(retry(balanced(endpoint))({}, background));
    expect(error.errors).toEqual([undefined, undefined, undefined]);
    expect(endpoint).toHaveBeenCalledTimes(3);
  });

  it("stay apart in calls that overlap", async () => {
    const tries = new Map<unknown, number>();
    const endpoint: Endpoint = async (request) => {
      const count = (tries.get(request) ?? 0) + 1;
      tries.set(request, count);
      if (count <= Number(request) % 3) throw unavailable("not yet");
      return [request, count];
    };
    const retrying = retry(balanced(endpoint));
    const answers = await Promise.all(Array.from({ length: 9 }, (_, i) => retrying(i, background)));
    expect(answers).toEqual(Array.from({ length: 9 }, (_, i) => [i, (i % 3) + 1]));
  });

  it("carry their number on, the first only if it hides another", async () => {
    const seen: unknown[] = [];
    const headers: string[] = [];
    const endpoint: Endpoint = async (_, ctx) => {
      seen.push(ctx.get(attempt));
      inject(ctx, (name, value) => headers.push(`${name}: ${value}`));
      throw unavailable("down");
    };
    const retrying = retry(balanced(endpoint), { attempts: 3 });
    await retryErrorOf(retrying({}, background));
    await retryErrorOf(retrying({}, background.with(attempt, 7)));
    expect(seen).toEqual([undefined, 2, 3, 1, 2, 3]);
    expect(headers).toEqual(["attempt: 2", "attempt: 3", "attempt: 1", "attempt: 2", "attempt: 3"]);
  });

  it("read only a sensible number from a wire", () => {
    expect(["1", "12", "0", "-1", "1.5", "x", "", "1e9", "99999999999"].map(read)).toEqual([
      1,
      12,
      ...Array.from({ length: 7 }, () => undefined),
    ]);
  });

  it("stop at an error that is not retryable, which comes as it is", async () => {
    const answer = new KitError("not_found", "no such thing");
    const endpoint = vi.fn<Endpoint>(failing(answer));
    const retryable = (error: unknown): boolean => error !== answer;
    const callback = vi.fn<() => boolean>(() => true);
    const retrying = retry(balanced(failing(unavailable("down")), endpoint), { retryable, callback });
    expect(await rejectionOf(retrying({}, background))).toBe(answer);
    expect(endpoint).toHaveBeenCalledOnce();
    expect(callback).toHaveBeenCalledOnce();
  });

  it("discard an error that the callback gives along with another attempt", async () => {
    const retrying = retry(balanced(failing(unavailable("down")), succeeding), {
      callback: () => ({ retry: true, error: new Error("discarded") }),
    });
    await expect(retrying({}, background)).resolves.toBe("done");
  });

  it("end with the callback's error when none is left", async () => {
    const instead = new KitError("internal", "instead");
    const retrying = retry(balanced(failing(unavailable("down"))), {
      attempts: 1,
      callback: () => ({ retry: true, error: instead }),
    });
    expect((await retryErrorOf(retrying({}, background))).final).toBe(instead);
  });

  it.each([
    { callback: thrower("callback") },
    { retryable: thrower("retryable") },
    { backoff: thrower("backoff") },
  ] as const)("end with what a function among the options throws: %o", async (options) => {
    const retrying = retry(balanced(failing(unavailable("down"))), options);
    await expect(retrying({}, background)).rejects.toThrow(`${Object.keys(options)[0]} broke`);
  });

  it("do not repeat a streamed request that was sent", async () => {
    const down = unavailable("down");
    const notSent = new KitError("unavailable", "refused", { notSent: true });
    const endpoint = vi.fn<Endpoint>(failing(down));
    expect(await rejectionOf(retry(balanced(failing(notSent), endpoint))(numbers(), background))).toBe(down);
    expect(endpoint).toHaveBeenCalledOnce();
  });
});

async function* numbers(): AsyncGenerator<number> {
  yield 1;
}

/** The attempt that a header says it is. */
function read(header: string): number | undefined {
  return extract(background, () => header).get(attempt);
}

function thrower(name: string): () => never {
  return () => {
    throw new Error(`${name} broke`);
  };
}

describe("whatever the endpoints do", () => {
  it("the call's outcome is that of the attempt which ended it", async () => {
    const outcome = fc.constantFrom("answers", "fails", "refuses");
    await fc.assert(
      fc.asyncProperty(
        fc.array(outcome, { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 1, max: 8 }),
        async (outcomes, attempts) => {
          const endpoints = outcomes.map((does, n): Endpoint =>
            does === "answers"
              ? async () => n
              : failing(does === "fails" ? unavailable(`failed ${n}`) : new KitError("not_found", `refused ${n}`)),
          );
          const ended = outcomes.findIndex((does) => does !== "fails");
          const tried = ended === -1 || ended >= attempts ? attempts : ended + 1;
          const log = vi.fn<(attempt: number, error: unknown) => boolean>(() => true);
          const call = retry(balanced(...endpoints), {
            attempts,
            retryable: (error) => (error as KitError).code === "unavailable",
            callback: log,
          })({}, background);
          const got = await call.catch((error: KitError) => error.message);
          const failures = outcomes.slice(0, tried).flatMap((does, n) => (does === "fails" ? [`failed ${n}`] : []));
          const earlier = failures.slice(0, -1);
          const gaveUp = `${failures.at(-1)}${earlier.length > 0 ? ` (previously: ${earlier.join("; ")})` : ""}`;
          const last = outcomes[tried - 1];
          expect(got).toBe(last === "answers" ? tried - 1 : last === "refuses" ? `refused ${tried - 1}` : gaveUp);
          expect(log.mock.calls.map(([n]) => n)).toEqual(failures.map((_, n) => n + 1));
        },
      ),
    );
  });
});

describe("the end of the context", () => {
  it("comes before the endpoint when it is over already", async () => {
    const endpoint = vi.fn<Endpoint>(succeeding);
    const balancer = balanced(endpoint);
    const pick = vi.spyOn(balancer, "pick");
    const cause = new Error("the user left");
    const ctx = background.withCancel();
    ctx.cancel(cause);
    await expect(retry(balancer)({}, ctx)).rejects.toBe(cause);
    await expect(retry(balancer)({}, background.withDeadline(Date.now()))).rejects.toMatchObject({
      code: "deadline_exceeded",
    });
    expect(pick).not.toHaveBeenCalled();
  });

  it("ends the attempt under way through its own context and does not wait for it", async () => {
    const heard = vi.fn<(cause: Error) => void>();
    const endpoint: Endpoint = (_, ctx) => {
      ctx.onCancel(heard);
      return new Promise(() => {});
    };
    const call = rejectionOf(retry(balanced(endpoint), { timeoutMs: 100 })({}, background));
    await vi.advanceTimersByTimeAsync(99);
    expect(heard).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(heard).toHaveBeenCalledWith(await call);
  });

  it("reaches the attempt under way from the caller", async () => {
    const cause = new Error("the user left");
    const ctx = background.withCancel();
    for (const options of [{}, { timeoutMs: 100 }]) {
      const child = ctx.withCancel();
      const call = rejectionOf(retry(balanced(leaving), options)({}, child));
      child.cancel(cause);
      expect(await call).toBe(cause);
    }
  });

  it("is at the caller's deadline where that is nearer", async () => {
    const seen: Context[] = [];
    const endpoint: Endpoint = (_, ctx) => {
      seen.push(ctx);
      return new Promise(() => {});
    };
    const ctx = background.withTimeout(50);
    const call = rejectionOf(retry(balanced(endpoint), { timeoutMs: 100 })({}, ctx));
    expect(seen[0]?.deadline).toBe(ctx.deadline);
    await vi.advanceTimersByTimeAsync(50);
    expect(await call).toMatchObject({ code: "deadline_exceeded" });
  });

  it("keeps what the attempts before had failed with", async () => {
    const down = unavailable("down");
    const seen: Context[] = [];
    const slow: Endpoint = (_, ctx) => {
      seen.push(ctx);
      return new Promise(() => {});
    };
    const call = rejectionOf(retry(balanced(failing(down), slow), { timeoutMs: 100 })({}, background));
    await vi.advanceTimersByTimeAsync(100);
    expect(await call).toMatchObject({
      name: "RetryError",
      code: "deadline_exceeded",
      message: "context deadline exceeded (previously: down)",
      errors: [down],
      final: seen[0]?.cancelled,
    });
  });

  it("is seen by the clock when attempts leave no time to the timer", async () => {
    const error = await rejectionOf(retry(balanced(blocking), { attempts: 1_000_000, timeoutMs: 100 })({}, background));
    expect(error).toMatchObject({ code: "deadline_exceeded", errors: { length: 10 } });
  });

  it("is not followed by another attempt when the one under way fails late", async () => {
    let fail: ((error: unknown) => void) | undefined;
    const endpoint = vi.fn<Endpoint>(() => new Promise((_resolve, reject) => (fail = reject)));
    const call = rejectionOf(retry(balanced(endpoint), { timeoutMs: 100 })({}, background));
    await vi.advanceTimersByTimeAsync(100);
    await call;
    fail?.(unavailable("late"));
    await vi.advanceTimersByTimeAsync(100);
    expect(endpoint).toHaveBeenCalledOnce();
  });

  it("is respected when the callback brings it about", async () => {
    const ctx = background.withCancel();
    const endpoint = vi.fn<Endpoint>(failing(unavailable("down")));
    const callback = (): boolean => {
      ctx.cancel();
      return true;
    };
    for (const options of [{ callback }, { callback, backoff: () => 100 }]) {
      await rejectionOf(retry(balanced(endpoint), options)({}, ctx.withCancel()));
    }
    expect(endpoint).toHaveBeenCalledOnce();
  });

  it("does not end the context of a streamed response", async () => {
    const items: AsyncIterable<unknown> = await retry(balanced(streaming), { timeoutMs: 100 })({}, background);
    const seen = [];
    for await (const item of items) seen.push(item);
    expect(seen).toEqual([undefined, undefined]);
  });
});

describe("backoff", () => {
  it("waits before each further attempt, counted from 0", async () => {
    const log: number[] = [];
    const backoff = vi.fn<(attempt: number) => number>((n) => 100 * 2 ** n);
    const call = retryErrorOf(retry(balanced(timed(log)), { attempts: 4, backoff })({}, background));
    await vi.runAllTimersAsync();
    expect((await call).errors).toHaveLength(4);
    expect(log).toEqual([0, 100, 300, 700]);
  });

  it("waits as long as the error says where that is longer", async () => {
    const endpoints = [
      failing(unavailable("busy", { retryAfterMs: 250 })),
      failing(unavailable("busy", { retryAfterMs: 5 })),
    ];
    const from = Date.now();
    const call = retry(
      balanced(...endpoints, async () => Date.now() - from),
      { backoff: () => 100 },
    )({}, background);
    await vi.runAllTimersAsync();
    expect(await call).toBe(350);
  });

  it("does not wait for an instance that was not even asked, such as one behind an open breaker", async () => {
    const open = refusal("unavailable", "circuit breaker is open", { retryAfterMs: 60_000, notSent: true });
    const from = Date.now();
    const call = retry(
      balanced(failing(open), async () => Date.now() - from),
      { backoff: () => 100 },
    )({}, background);
    await vi.runAllTimersAsync();
    expect(await call).toBe(100);
  });

  it("does not look at what the error says when it is off", async () => {
    const busy = failing(unavailable("busy", { retryAfterMs: 60_000 }));
    await expect(retry(balanced(busy, succeeding))({}, background)).resolves.toBe("done");
  });

  it("gives up at once when the wait would last to the deadline", async () => {
    const busy = unavailable("busy", { retryAfterMs: 100 });
    const call = retry(balanced(failing(busy)), { backoff: () => 1, timeoutMs: 100 })({}, background);
    expect(await retryErrorOf(call)).toMatchObject({
      final: busy,
      errors: [busy],
      code: "unavailable",
      retryAfterMs: 100,
    });
  });

  it("ends with the context while it waits", async () => {
    const ctx = background.withCancel();
    const call = rejectionOf(retry(balanced(failing(unavailable("down"))), { backoff: () => 1_000 })({}, ctx));
    await vi.advanceTimersByTimeAsync(10);
    ctx.cancel();
    expect(await call).toMatchObject({ code: "canceled", message: "context canceled (previously: down)" });
  });
});

/** What a call fails with whose attempts fail with these. */
function failedWith(...errors: unknown[]): Promise<RetryError> {
  return retryErrorOf(retry(balanced(...errors.map(failing)), { attempts: errors.length })({}, background));
}

describe("RetryError", () => {
  it("is a KitError like its final one", async () => {
    const final = new KitError("resource_exhausted", "busy", { details: { limit: 10 }, retryAfterMs: 50 });
    const error = await failedWith(unavailable("one"), unavailable("two"), final);
    expect(error).toMatchObject({
      code: "resource_exhausted",
      message: "busy (previously: one; two)",
      details: { limit: 10 },
      retryAfterMs: 50,
      cause: final,
      final,
    });
    expect(error).not.toHaveProperty("notSent");
  });

  it("is a plain error like its final one, so that no stranger's text crosses a wire", async () => {
    const error = await failedWith(new Error("connect ECONNREFUSED 10.0.0.3:5432"), new TypeError("fetch failed"));
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toHaveProperty("code");
    expect(error.message).toBe("fetch failed (previously: connect ECONNREFUSED 10.0.0.3:5432)");
  });

  it("shows a plain error only as its code in a text that may cross a wire", async () => {
    const error = await failedWith(new Error("connect ECONNREFUSED 10.0.0.3:5432"), unavailable("down"));
    expect(error.message).toBe("down (previously: unknown)");
  });

  it("keeps the meaning of the platform's own errors", async () => {
    const error = await failedWith(unavailable("down"), new DOMException("took too long", "TimeoutError"));
    expect(error).toMatchObject({ code: "deadline_exceeded", message: "deadline_exceeded (previously: down)" });
  });

  it("was not sent if no attempt was", async () => {
    const refused = new KitError("unavailable", "connection refused", { notSent: true });
    expect(await failedWith(refused, noEndpoints)).toHaveProperty("notSent", true);
    expect(await failedWith(unavailable("reset"), noEndpoints)).not.toHaveProperty("notSent");
  });

  it("can be told from other errors", async () => {
    expect(isRetryError(await failedWith(unavailable("one")))).toBe(true);
    for (const other of [unavailable("one"), new Error("plain"), undefined, null, "text"]) {
      expect(isRetryError(other)).toBe(false);
    }
  });
});

describe("options", () => {
  it.each([
    [{ attempts: 0 }, "attempts must be a positive integer, got 0"],
    [{ attempts: 2.5 }, "attempts must be a positive integer, got 2.5"],
    [{ attempts: Infinity }, "attempts must be a positive integer, got Infinity"],
    [{ timeoutMs: 0 }, "timeoutMs must be a positive number, got 0"],
    [{ timeoutMs: Number.NaN }, "timeoutMs must be a positive number, got NaN"],
  ])("%o is refused by name", (options, message) => {
    expect(() => retry(balanced(), options)).toThrow(new TypeError(`retry: ${message}`));
  });

  it("keep the endpoint's types", () => {
    const balancer = roundRobin(fixedEndpointer([async ({ a }: { a: number }) => ({ v: a })]));
    expectTypeOf(retry(balancer)).toEqualTypeOf<Endpoint<{ a: number }, { v: number }>>();
  });

  it("leave a call without context or deadline to the endpoint", async () => {
    const call = retry(balanced(hanging))({}, background);
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(await Promise.race([call, Promise.resolve("pending")])).toBe("pending");
  });
});
