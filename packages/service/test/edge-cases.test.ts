import { type AnyMiddleware, background, type Endpoint, isKitError, KitError } from "@kit/endpoint";
import { type } from "arktype";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import {
  clientOf,
  connectedMethod,
  connectLocal,
  declaredError,
  defineService,
  type EndpointsOf,
  implement,
  type MethodSpec,
  servedMethod,
} from "../src/index.ts";

const any = z.any();
const Echo = defineService("echo", { say: { request: any, response: any } });
type Say = EndpointsOf<typeof Echo>["say"];
const connect = (say: Say, onError?: (error: unknown) => void) =>
  connectLocal(Echo, implement(Echo, { say }), onError === undefined ? {} : { onError });
const caught = (call: Promise<unknown>): Promise<any> => call.catch((error: unknown) => error);

const through: AnyMiddleware = (next) => next;
const badDetails: Endpoint = () => Promise.reject(new KitError("not_found", "", { details: { n: 1 } }));
const throwing = (): never => {
  throw new Error("hunter2");
};

describe("decode", () => {
  it("names no key where an arktype schema refuses the value itself", async () => {
    const Words = defineService("words", { m: { request: type("string"), response: any } });
    const client = connectLocal(Words, implement(Words, { m: async () => 1 }));
    expect(await caught(client.m(5 as never, background))).toMatchObject({
      message: "words.m: invalid request: must be a string (was a number)",
      details: { issues: [{ path: "" }] },
    });
  });
});

describe("declaredError", () => {
  it("is none that another method declared, whose details differ", async () => {
    const { a, b } = defineService("s", {
      a: { request: any, response: any, errors: { not_found: z.object({ id: z.string() }) } },
      b: { request: any, response: any, errors: { not_found: z.object({ n: z.number() }) } },
    }).methods;
    const error = await caught(connectedMethod(b, badDetails)(1, background));
    expect(declaredError(b, error)).toBe(error);
    expect(declaredError(a, error)).toBeUndefined();
  });

  it("still says that the request was never sent, and has no cause where there was none", async () => {
    const S = defineService("s", { m: { request: any, response: any, errors: { unavailable: z.unknown() } } });
    const client = clientOf(S, () => () => Promise.reject(new KitError("unavailable", "refused", { notSent: true })));
    const error = await caught(client.m(1, background));
    expect(error).toMatchObject({ notSent: true });
    expect(error).not.toHaveProperty("cause");
  });
});

describe("a method's timeoutMs", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([servedMethod, connectedMethod])("answers in time though the endpoint pays no heed", async (side) => {
    const { m } = defineService("slow", { m: { request: any, response: any, timeoutMs: 250 } }).methods;
    const settled = vi.fn<(error: unknown) => void>();
    side(m, () => new Promise(() => {}))(1, background).catch(settled);
    await vi.advanceTimersByTimeAsync(250);
    expect(settled).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "deadline_exceeded" }));
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("connectLocal, when the caller cancels with a cause of his own", () => {
  const cause = new Error("the user has left");

  it("rejects with it, as it does before the call", async () => {
    using ctx = background.withCancel();
    const answer = caught(connect(() => new Promise(() => {})).say(1, ctx));
    ctx.cancel(cause);
    expect(await answer).toBe(cause);
    expect(await caught(connect(async () => 1).say(1, ctx))).toBe(cause);
  });

  it("does not tell onError, which hears of what the handler does later", async () => {
    using ctx = background.withCancel();
    let fail!: (error: Error) => void;
    const onError = vi.fn<(error: unknown) => void>();
    const work = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const answer = caught(connect(() => work, onError).say(1, ctx));
    ctx.cancel(cause);
    await answer;
    const late = new Error("late");
    fail(late);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(onError.mock.calls).toEqual([[late]]);
  });
});

describe("implement", () => {
  it("takes a middleware written in place", async () => {
    const seen: unknown[] = [];
    const endpoints = implement(Echo, { say: async (value) => value }, ({ name }) => (next) => (request, ctx) => {
      seen.push(name);
      return next(request, ctx);
    });
    await endpoints.say(1, background);
    expect(seen).toEqual(["say"]);
    implement(Echo, endpoints, () => through);
  });
});

describe("defineService", () => {
  const spec = { request: any, response: any };

  it("refuses a misspelt option", () => {
    // @ts-expect-error no such option
    expect(() => defineService("s", { m: { ...spec, timeoutMS: 5 } })).toThrow("timeoutMS");
    // @ts-expect-error no such option
    expect(() => defineService("s", { m: { ...spec, error: { not_found: any } } })).toThrow("error");
  });

  it("refuses a code that is none, beside one that is", () => {
    expect(() => defineService("s", { m: { ...spec, errors: { not_found: any, notfound: any } } })).toThrow("notfound");
  });

  it("says whose schema is none", () => {
    const specs = { m: { request: undefined, response: any } as unknown as MethodSpec };
    expect(() => defineService("words", specs)).toThrow(/^defineService: words\.m: .*request/);
  });

  it.each(["toString", "valueOf", "hasOwnProperty"])("refuses a method %s, which every object has", (name) => {
    // implement(Service, {}) does not notice that it is missing, and `${client}` calls it.
    expect(() => defineService("words", { [name]: spec })).toThrow("cannot be a method");
  });

  it.each(["a.", "a..b", "a.b."])("refuses %j as a name, which is no NATS subject", (name) => {
    expect(() => defineService(name, {})).toThrow(TypeError);
  });

  it.each([undefined, null])("refuses %s as a name", (name) => {
    expect(() => defineService(name as unknown as string, {})).toThrow(TypeError);
  });

  it.each(["250", 250n, [250]])("refuses %o as a timeoutMs", (timeoutMs) => {
    expect(() => defineService("words", { m: { ...spec, timeoutMs: timeoutMs as unknown as number } })).toThrow(
      TypeError,
    );
  });
});

describe("connectedMethod", () => {
  it("rejects where the request cannot be encoded", async () => {
    const error = new KitError("invalid_argument", "a: not an int32");
    const encode = (): never => {
      throw error;
    };
    const method = { ...Echo.methods.say, request: { encode, decode: (wire: unknown) => wire } };
    let call: Promise<unknown> | undefined;
    expect(() => {
      call = connectedMethod(method, async (value) => value)(1, background);
    }).not.toThrow();
    expect(await caught(call!)).toBe(error);
  });
});

describe("connectLocal, with what JSON cannot say", () => {
  it("brings the caller a KitError though its details are a cycle", async () => {
    const details: { self?: unknown } = {};
    details.self = details;
    const error = await caught(
      connect(() => Promise.reject(new KitError("not_found", "", { details }))).say(1, background),
    );
    expect(isKitError(error)).toBe(true);
    expect(error).toMatchObject({ code: "not_found" });
  });

  it("tells the caller what is wrong with his own request", async () => {
    expect(await caught(connect(async () => 1).say(1n, background))).not.toMatchObject({ message: "internal error" });
  });

  it("takes for undefined what JSON leaves out", async () => {
    expect(await connect(async () => () => {}).say(1, background)).toBeUndefined();
  });

  it("does not let a throwing onError put its error, message and all, before the caller", async () => {
    const call = connect(() => Promise.reject(new KitError("not_found", "no")), throwing).say(1, background);
    expect(await caught(call)).toMatchObject({ code: "not_found" });
  });
});

describe("a refusal", () => {
  it("is no longer than it must be, whatever a stranger sent", async () => {
    const Words = defineService("words", { m: { request: z.strictObject({}), response: any } });
    const client = connectLocal(Words, implement(Words, { m: async () => 1 }));
    const hostile = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key${i}`, 1]));
    const error = await caught(client.m(hostile as Record<string, never>, background));
    expect(error.message.length).toBeLessThan(1000);
    expect(JSON.stringify(error.details).length).toBeLessThan(10_000);
  });

  it("says nothing of undefined where the validator found no issue", async () => {
    const schema = { "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [] }) } } as const;
    const { m } = defineService("words", { m: { request: schema, response: any } }).methods;
    expect(() => m.request.decode(1)).toThrow(/^words\.m: invalid request$/);
  });
});
