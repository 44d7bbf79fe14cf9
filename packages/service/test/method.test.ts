import { background, type Context, contextKey, type Endpoint, KitError } from "@kit/endpoint";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import {
  clientOf,
  connectedMethod,
  defineService,
  type EndpointsOf,
  implement,
  type Method,
  servedMethod,
  servedMethods,
} from "../src/index.ts";

const Words = defineService("words", {
  count: { request: z.string(), response: z.coerce.number<string>(), errors: { not_found: z.string() } },
  later: {
    request: z.string().transform(async (word) => word.trim()),
    response: z.string().transform(async (word) => word.trim()),
  },
});

/** As a transport with an IDL makes it: both ways are functions, and no schema stands behind them. */
const binary: Method = {
  ...Words.methods.count,
  request: {
    encode: (word: string) => Buffer.from(word),
    decode: (wire) => (wire as Buffer).toString(),
  },
  response: {
    encode: (length: number) => Buffer.of(length),
    decode: (wire) => (wire as Buffer)[0],
  },
};

const ctx = background.with(contextKey("@test/method"), 1);

describe("servedMethod", () => {
  it("decodes the request and passes the response as it is", async () => {
    const answer = { v: "3" };
    const endpoint = vi.fn<Endpoint>(async () => answer);
    await expect(servedMethod(Words.methods.count, endpoint)("abc", ctx)).resolves.toBe(answer);
    expect(endpoint.mock.calls).toEqual([["abc", ctx]]);
  });

  it("encodes the response where it must be", async () => {
    const endpoint = vi.fn<Endpoint>(async (word: string) => word.length);
    await expect(servedMethod(binary, endpoint)(Buffer.from("abc"), ctx)).resolves.toEqual(Buffer.of(3));
    expect(endpoint.mock.calls).toEqual([["abc", ctx]]);
  });

  it("waits for an asynchronous decoder", async () => {
    const endpoint = vi.fn<Endpoint>(async (word: string) => word);
    await expect(servedMethod(Words.methods.later, endpoint)(" a ", ctx)).resolves.toBe("a");
    expect(endpoint.mock.calls).toEqual([["a", ctx]]);
  });

  it.each([
    ["at once", Words.methods.count],
    ["later", Words.methods.later],
  ])("rejects a request that does not fit, found out %s, without calling the endpoint", async (_, method) => {
    const endpoint = vi.fn<Endpoint>();
    await expect(servedMethod(method, endpoint)(1, ctx)).rejects.toMatchObject({ code: "invalid_argument" });
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("rejects where the endpoint throws", async () => {
    const error = new Error("no promise");
    const endpoint: Endpoint = () => {
      throw error;
    };
    await expect(servedMethod(Words.methods.count, endpoint)("a", ctx)).rejects.toBe(error);
  });

  it("rejects where the response cannot be encoded", async () => {
    const error = new RangeError("too long");
    const encode = (): never => {
      throw error;
    };
    const method = { ...binary, response: { ...binary.response, encode } };
    await expect(servedMethod(method, async () => 3)(Buffer.from("abc"), ctx)).rejects.toBe(error);
  });
});

describe("connectedMethod", () => {
  it("sends the request as it is and decodes the response", async () => {
    const send = vi.fn<Endpoint>(async () => "3");
    const request = "abc";
    await expect(connectedMethod(Words.methods.count, send)(request, ctx)).resolves.toBe(3);
    expect(send.mock.calls).toEqual([["abc", ctx]]);
  });

  it("does not validate what it sends, which is for the server to do", async () => {
    const send = vi.fn<Endpoint>(async () => "3");
    await connectedMethod(Words.methods.count, send)(1, ctx);
    expect(send.mock.calls).toEqual([[1, ctx]]);
  });

  it("encodes the request where it must be", async () => {
    const send = vi.fn<Endpoint>(async () => Buffer.of(3));
    await expect(connectedMethod(binary, send)("abc", ctx)).resolves.toBe(3);
    expect(send.mock.calls).toEqual([[Buffer.from("abc"), ctx]]);
  });

  it("waits for an asynchronous decoder", async () => {
    await expect(connectedMethod(Words.methods.later, async () => " a ")("", ctx)).resolves.toBe("a");
  });

  it("rejects a response that does not fit", async () => {
    const call = connectedMethod(Words.methods.count, async () => "three")("abc", ctx);
    await expect(call).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining("words.count: invalid response"),
    });
  });

  it.each([
    ["a KitError that is not declared", new KitError("unavailable", "down", { notSent: true })],
    ["a declared one with other details", new KitError("not_found", "no", { details: 1 })],
    ["an error of the platform", new DOMException("aborted", "AbortError")],
    ["nothing at all", undefined],
  ])("rejects with %s as it was sent", async (_, error) => {
    const call = connectedMethod(Words.methods.count, () => Promise.reject(error))("abc", ctx);
    await expect(call).rejects.toBe(error);
  });
});

describe("a method's timeoutMs", () => {
  const { m } = defineService("slow", { m: { request: z.any(), response: z.any(), timeoutMs: 250 } }).methods;
  const { free } = defineService("slow", { free: { request: z.any(), response: z.any() } }).methods;
  const sides = [
    ["the server's", servedMethod],
    ["the client's", connectedMethod],
  ] as const;

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  describe.each(sides)("on %s side", (_, side) => {
    /** An endpoint that answers when its context ends, and tells of it. */
    const patient = () => {
      const seen: Context[] = [];
      const endpoint: Endpoint = (_request, context) => {
        seen.push(context);
        return new Promise((__, reject) => {
          context.onCancel(reject);
        });
      };
      return { seen, call: side(m, endpoint) };
    };

    it("is the deadline of a call that has none", async () => {
      const { seen, call } = patient();
      const answer = call(1, background);
      expect(seen[0]?.deadline).toBe(1_000_250);
      await vi.advanceTimersByTimeAsync(250);
      await expect(answer).rejects.toMatchObject({ code: "deadline_exceeded" });
    });

    it("leaves a nearer deadline, and shortens a farther one", async () => {
      const { seen, call } = patient();
      using near = background.withTimeout(100);
      using far = background.withTimeout(1000);
      const answers = [call(1, near), call(1, far)];
      expect(seen.map(({ deadline }) => deadline)).toEqual([1_000_100, 1_000_250]);
      const causes = Promise.allSettled(answers);
      await vi.advanceTimersByTimeAsync(250);
      expect(await causes).toMatchObject(answers.map(() => ({ reason: { code: "deadline_exceeded" } })));
      expect(far.cancelled).toBeUndefined();
    });

    it("hands on the caller's cancellation", async () => {
      const { call } = patient();
      using caller = background.withCancel();
      const answer = call(1, caller);
      const cause = new Error("gone");
      caller.cancel(cause);
      await expect(answer).rejects.toBe(cause);
    });

    it.each([
      ["answer", () => Promise.resolve(1)],
      ["failure", () => Promise.reject(new KitError("aborted", "again"))],
    ])("ends the call's context with its %s and leaves no timer", async (__, outcome) => {
      let seen: Context | undefined;
      const call = side(m, (_request, context) => {
        seen = context;
        context.onCancel(() => {});
        return outcome();
      });
      await Promise.allSettled([call(1, background)]);
      expect(seen?.cancelled).toMatchObject({ code: "canceled" });
      expect(vi.getTimerCount()).toBe(0);
    });

    it("costs a method without one nothing: the context is the caller's own", async () => {
      const seen: Context[] = [];
      const endpoint: Endpoint = async (_request, context) => {
        seen.push(context);
      };
      await side(free, endpoint)(1, ctx);
      expect(seen[0]).toBe(ctx);
    });
  });
});

describe("servedMethods", () => {
  const endpoints = implement(Words, { count: async (word) => String(word.length), later: async (word) => word });

  it("has each method by its name", async () => {
    const served = servedMethods(Words, endpoints);
    expect([...served.keys()]).toEqual(["count", "later"]);
    await expect(served.get("count")!("abc", ctx)).resolves.toBe("3");
    await expect(served.get("count")!(1, ctx)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("does not know names that every object has", () => {
    const served = servedMethods(Words, endpoints);
    for (const name of ["constructor", "toString", "__proto__"]) expect(served.has(name)).toBe(false);
  });

  it("refuses a service without all of its endpoints", () => {
    const { count } = endpoints;
    expect(() => servedMethods(Words, { count } as EndpointsOf<typeof Words>)).toThrow(
      new TypeError("words.later has no endpoint"),
    );
  });
});

const send: Endpoint = async () => "3";

describe("clientOf", () => {
  it("has the service's methods as its own members, in their order, and nothing else", () => {
    const client = clientOf(Words, () => send);
    expect(Reflect.ownKeys(client)).toEqual(["count", "later"]);
    expect({ ...client }).toEqual({ count: expect.any(Function), later: expect.any(Function) });
  });

  it("is no promise, so that it can be returned from an async function", async () => {
    const client = clientOf(Words, () => send);
    expect(await Promise.resolve(client)).toBe(client);
  });

  it("asks once a method for what sends it", async () => {
    const sends = vi.fn<(method: Method) => Endpoint>(() => send);
    const { count } = clientOf(Words, sends);
    await expect(count("abc", ctx)).resolves.toBe(3);
    await expect(count("abc", ctx)).resolves.toBe(3);
    expect(sends.mock.calls).toEqual([[Words.methods.count], [Words.methods.later]]);
  });

  it("closes once, however often and from wherever it is disposed", async () => {
    let closed!: () => void;
    const close = vi.fn<() => Promise<void>>(
      () =>
        new Promise<void>((resolve) => {
          closed = resolve;
        }),
    );
    const client = clientOf(Words, () => send, close);
    const disposals = [client[Symbol.asyncDispose](), client[Symbol.asyncDispose]()];
    closed();
    await Promise.all(disposals);
    await client[Symbol.asyncDispose]();
    expect(close).toHaveBeenCalledTimes(1);
  });

  it("closes where `await using` ends", async () => {
    const close = vi.fn<() => Promise<void>>(async () => {});
    {
      await using client = clientOf(Words, () => send, close);
      await client.count("abc", ctx);
      expect(close).not.toHaveBeenCalled();
    }
    expect(close).toHaveBeenCalledTimes(1);
  });

  it("says of each disposal that closing failed", async () => {
    const error = new Error("still draining");
    const close = vi.fn<() => Promise<void>>(() => Promise.reject(error));
    const client = clientOf(Words, () => send, close);
    await expect(client[Symbol.asyncDispose]()).rejects.toBe(error);
    await expect(client[Symbol.asyncDispose]()).rejects.toBe(error);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it("may have nothing to close", async () => {
    await expect(clientOf(Words, () => send)[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});
