import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import { background, callInfo, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { attempt, isRetryError, retry } from "@kit/lb";
import { bind, type Fields, loggerFunc } from "@kit/log";
import { type Span, Tracer } from "opentracing";
import { Readable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { spanId, spanOf, traced, traceId, withSpan } from "../src/index.ts";
import { jaegerTracer, logsOf, recording } from "./recording.ts";

const echo: Endpoint<unknown, unknown> = async (request) => request;
const failing = (error: unknown) => async (): Promise<never> => {
  throw error;
};

describe("traced", () => {
  // go-kit: TestTraceEndpoint, TestTraceServer
  it("starts a span for each call, a child of the one in the context", async () => {
    const tracer = recording();
    const parent = tracer.startSpan("parent") as Span & { uuid(): string };
    const endpoint = traced(tracer, { service: "addsvc", name: "sum", transport: "nats" })(echo);
    expect(await endpoint(1, withSpan(background, parent))).toBe(1);
    const [span] = tracer.spans;
    expect([span!.operationName(), span!.tags()]).toEqual(["addsvc/sum", { "span.kind": "server", component: "nats" }]);
    expect(tracer.parentOf(span!)).toBe(parent.uuid());
    expect(logsOf(span!)).toEqual([]);
  });

  // go-kit: TestTraceEndpointNoContextSpan
  it("starts a root where there is no span", async () => {
    const tracer = recording();
    await traced(tracer, { kind: "internal" })(echo)(1, background);
    const [span] = tracer.spans;
    expect([span!.operationName(), span!.tags(), tracer.parentOf(span!)]).toEqual(["endpoint", {}, undefined]);
  });

  it("is named by callInfo on a server, and on a client only by what it was told", async () => {
    const tracer = recording();
    const call = (method: string) => background.with(callInfo, { service: "addsvc", method, transport: "http" });
    const served = traced(tracer)(echo);
    await served(1, call("sum"));
    await served(1, call("concat"));
    // go-kit: TestTraceClient
    await traced(tracer, { service: "other", name: "get", kind: "client" })(echo)(1, call("sum"));
    expect(tracer.spans.map((span) => [span.operationName(), span.tags()])).toEqual([
      ["addsvc/sum", { "span.kind": "server", component: "http" }],
      ["addsvc/concat", { "span.kind": "server", component: "http" }],
      ["other/get", { "span.kind": "client" }],
    ]);
  });

  // go-kit: TestTraceEndpointWithOptions
  it("has another name, which does not stick", async () => {
    const tracer = recording();
    const operationName = (ctx: Context, name: string) => (ctx.get(callInfo) === undefined ? `new-${name}` : "");
    const endpoint = traced(tracer, { name: "x", kind: "internal", operationName })(echo);
    await endpoint(1, background);
    await endpoint(1, background);
    await endpoint(1, background.with(callInfo, { service: "", method: "", transport: "" }));
    expect(tracer.spans.map((span) => span.operationName())).toEqual(["new-x", "new-x", "x"]);
  });

  // go-kit: TestTraceEndpointWithOptions
  it("has tags of your own", async () => {
    const tracer = recording();
    const byTenant = (ctx: Context) => ({ tenant: ctx.get(callInfo)?.service ?? "" });
    await traced(tracer, { kind: "internal", tags: { fixed: 1 } })(echo)(1, background);
    await traced(tracer, { kind: "internal", tags: byTenant })(echo)(
      1,
      background.with(callInfo, { service: "acme", method: "", transport: "" }),
    );
    expect(tracer.spans.map((span) => span.tags())).toEqual([{ fixed: 1 }, { tenant: "acme" }]);
  });

  it("tells of a failed call", async () => {
    const tracer = recording();
    const error = new KitError("not_found", "no such thing");
    await expect(traced(tracer, { name: "get" })(failing(error))(1, background)).rejects.toBe(error);
    const [span] = tracer.spans;
    expect(span!.tags()["error"]).toBe(true);
    expect(logsOf(span!)).toEqual([
      {
        event: "error",
        "error.kind": "not_found",
        "error.object": error,
        message: "no such thing",
        stack: error.stack,
      },
    ]);
  });

  it("takes whatever is thrown, at once or later", async () => {
    const tracer = recording();
    const onError = vi.fn<(error: unknown) => void>();
    const middleware = traced(tracer, { name: "get", onError });
    const hostile = { toString: () => Symbol("no text") as never };
    for (const thrown of ["text", undefined, null, 7, hostile]) {
      await expect(middleware(failing(thrown))(1, background)).rejects.toBe(thrown);
    }
    const atOnce = (): never => {
      throw new Error("at once");
    };
    expect(() => middleware(atOnce)(1, background)).toThrow("at once");
    expect(tracer.spans.map((span) => logsOf(span)[0]?.["message"])).toEqual([
      "text",
      "undefined",
      "null",
      "7",
      undefined,
      "at once",
    ]);
    expect(tracer.spans.every((span) => span.tags()["error"] === true)).toBe(true);
    expect([tracer.open, onError.mock.calls.length]).toEqual([0, 1]);
  });

  it("shows each attempt, and what all of them failed with", async () => {
    const tracer = recording();
    const errors = [new KitError("unavailable", "first"), new KitError("unavailable", "second")];
    let calls = 0;
    const one = traced(tracer, { name: "attempt", kind: "client" })(() => Promise.reject(errors[calls++]));
    const all = traced(tracer, { name: "call", kind: "internal" })(retry({ pick: () => one }, { attempts: 2 }));
    await expect(all(1, background)).rejects.toSatisfy(isRetryError);
    const [call, first, second] = tracer.spans;
    expect(first!.tags()["gokit.retry.attempt"]).toBeUndefined();
    expect(second!.tags()["gokit.retry.attempt"]).toBe(2);
    expect(logsOf(call!)).toMatchObject([
      { event: "error", "gokit.retry.error.1": "first", "gokit.retry.error.2": "second" },
    ]);
    expect(tracer.parentOf(first!)).toBe(call!.uuid());
    expect(attempt.id).toBe(Symbol.for("@kit/context/attempt"));
  });

  it("shows what a breaker refuses", async () => {
    const tracer = recording();
    const breaker = gobreaker({ readyToTrip: () => true });
    const guarded = traced(tracer, { name: "get", kind: "client" })(breaker(failing(new Error("down"))));
    await expect(guarded(1, background)).rejects.toThrow("down");
    await expect(guarded(1, background)).rejects.toThrow("circuit breaker is open");
    const [, refused] = tracer.spans;
    expect(refused!.tags()["error"]).toBe(true);
    expect(logsOf(refused!)).toMatchObject([{ "error.kind": "unavailable", message: "circuit breaker is open" }]);
  });

  it.for([
    [false, true, 2],
    [true, undefined, 1],
  ] as const)("shows a business failure; ignored: %s", async ([ignoreBusinessErrors, marked, records]) => {
    const tracer = recording();
    const response = { failed: () => new Error("too poor") };
    expect(await traced(tracer, { name: "buy", ignoreBusinessErrors })(echo)(response, background)).toBe(response);
    const [span] = tracer.spans;
    expect([span!.tags()["error"], logsOf(span!).length]).toEqual([marked, records]);
    expect(logsOf(span!)[0]).toEqual({ "gokit.business.error": "too poor" });
  });

  it("survives a response whose failed throws", async () => {
    const tracer = recording();
    const response = {
      failed(): never {
        throw new Error("broken");
      },
    };
    expect(await traced(tracer)(echo)(response, background)).toBe(response);
    expect(logsOf(tracer.spans[0]!)[0]).toEqual({ "gokit.business.error": "broken" });
  });

  it("finishes with its context, also where the endpoint goes on for ever", async () => {
    const tracer = recording();
    const never: Endpoint<unknown, unknown> = () => new Promise(() => {});
    using ctx = background.withCancel();
    void traced(tracer, { name: "get" })(never)(1, ctx);
    expect(tracer.open).toBe(1);
    ctx.cancel();
    expect([tracer.open, logsOf(tracer.spans[0]!)[0]!["error.kind"]]).toEqual([0, "canceled"]);
    void traced(tracer, { name: "get" })(never)(1, ctx);
    expect([tracer.open, tracer.spans.length]).toEqual([0, 2]);
  });

  it("lets go of the context when the call is over", async () => {
    const tracer = recording();
    using scope = background.withCancel();
    let listening = 0;
    const ctx: Context = Object.create(scope, {
      get: { value: () => undefined },
      with: { value: () => ctx },
      onCancel: {
        value: () => {
          listening++;
          return () => void listening--;
        },
      },
    });
    await traced(tracer)(echo)(1, ctx);
    await traced(tracer)(failing(new Error("no")))(1, ctx).catch(() => {});
    expect(listening).toBe(0);
  });

  it("is in the context while the endpoint runs", async () => {
    const tracer = recording();
    const inner = traced(tracer, { name: "inner", kind: "internal" })(echo);
    await traced(tracer, { name: "outer" })(async (request, ctx) => {
      await Promise.resolve();
      spanOf(ctx)!.setTag("seen", true);
      return inner(request, ctx);
    })(1, background);
    const [outer, child] = tracer.spans;
    expect([tracer.parentOf(child!), outer!.tags()["seen"]]).toEqual([outer!.uuid(), true]);
    expect(spanOf(background)).toBeUndefined();
  });

  it("gives logs the ids, where the tracer tells them", async () => {
    const records: Fields[] = [];
    const logger = bind(
      loggerFunc((fields) => void records.push(fields)),
      { trace_id: traceId, span_id: spanId },
    );
    const { tracer, spans } = jaegerTracer();
    await traced(tracer)(async (_, ctx) => logger.log({ n: 1 }, ctx))(1, background);
    await traced(recording())(async (_, ctx) => logger.log({ n: 2 }, ctx))(1, background);
    logger.log({ n: 3 }, background);
    logger.log({ n: 4 });
    const [{ trace, id } = {}] = spans();
    const none = { trace_id: undefined, span_id: undefined };
    expect(records).toEqual([
      { trace_id: trace, span_id: id, n: 1 },
      { ...none, n: 2 },
      { ...none, n: 3 },
      { ...none, n: 4 },
    ]);
    expect(trace).toMatch(/^[0-9a-f]{1,16}$/);
  });

  it("costs no call with the API's own tracer, which does nothing", async () => {
    expect(await traced(new Tracer())(echo)(1, background)).toBe(1);
  });

  it("refuses what is no tracer", () => {
    expect(() => traced({} as Tracer)).toThrow(new TypeError("traced: tracer must be a tracer of OpenTracing"));
  });
});

describe("traced, of a stream", () => {
  async function* numbers(fail?: Error) {
    yield 1;
    yield 2;
    if (fail) throw fail;
  }

  async function gather<T>(stream: AsyncIterable<T>): Promise<T[]> {
    const items: T[] = [];
    for await (const item of stream) items.push(item);
    return items;
  }

  it("lasts until the stream is read to its end", async () => {
    const tracer = recording();
    const stream = await traced(tracer)(async () => numbers())(1, background);
    const read: number[] = [];
    for await (const number of stream) {
      expect(tracer.open).toBe(1);
      read.push(number);
    }
    expect([read, tracer.open, logsOf(tracer.spans[0]!)]).toEqual([[1, 2], 0, []]);
  });

  it("finishes when the reader leaves, and lets the source go", async () => {
    const tracer = recording();
    let left = false;
    async function* endless() {
      try {
        for (;;) yield 1;
      } finally {
        left = true;
      }
    }
    for await (const _ of await traced(tracer)(async () => endless())(1, background)) break;
    expect([tracer.open, left]).toEqual([0, true]);
    const unread = await traced(tracer)(async () => endless())(1, background);
    expect(await unread.return()).toEqual({ done: true, value: undefined });
    expect(tracer.open).toBe(0);
  });

  it("fails when the stream does", async () => {
    const tracer = recording();
    const error = new KitError("data_loss", "torn");
    const stream = await traced(tracer)(async () => numbers(error))(1, background);
    await expect(gather(stream)).rejects.toBe(error);
    expect([tracer.open, logsOf(tracer.spans[0]!)[0]!["error.kind"]]).toEqual([0, "data_loss"]);
  });

  it("finishes with the context where nobody reads", async () => {
    const tracer = recording();
    using ctx = background.withCancel();
    const stream = await traced(tracer)(async () => numbers())(1, ctx);
    ctx.cancel();
    expect(tracer.open).toBe(0);
    expect(await gather(stream)).toEqual([1, 2]);
  });

  it("leaves the platform's streams as they are, and finishes when it has them", async () => {
    const tracer = recording();
    for (const stream of [Readable.from(["a"]), new Blob(["a"]).stream()]) {
      expect(await traced(tracer)(echo)(stream, background)).toBe(stream);
      expect(tracer.open).toBe(0);
    }
  });

  it("leaves one alone that cannot be opened", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const tracer = recording();
    const broken = {
      [Symbol.asyncIterator](): never {
        throw new Error("broken");
      },
    };
    expect(await traced(tracer, { onError })(echo)(broken, background)).toBe(broken);
    expect([tracer.open, onError.mock.calls.length]).toEqual([0, 1]);
  });
});

describe("traced, with a tracer that fails", () => {
  const fault = (): never => {
    throw new Error("reporter is broken");
  };

  it.for(["startSpan", "finish", "log", "setTag"] as const)("does not fail the call: %s", async (what) => {
    const tracer = recording();
    const onError = vi.fn<(error: unknown) => void>();
    if (what === "startSpan") vi.spyOn(tracer, what).mockImplementation(fault);
    const next = vi.fn<Endpoint<unknown, unknown>>(async (_, ctx) => {
      if (what !== "startSpan") vi.spyOn(spanOf(ctx)!, what).mockImplementation(fault);
      return { failed: () => new Error("too poor") };
    });
    expect(await traced(tracer, { onError })(next)(1, background)).toHaveProperty("failed");
    expect(next).toHaveBeenCalledOnce();
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error("reporter is broken"));
  });

  it.for(["tags", "operationName"] as const)("has its span when a function of yours throws: %s", async (what) => {
    const tracer = recording();
    const onError = vi.fn<(error: unknown) => void>(fault);
    expect(await traced(tracer, { [what]: fault, onError })(echo)(1, background)).toBe(1);
    expect([tracer.spans.length, onError.mock.calls.length]).toEqual([1, 1]);
  });
});
