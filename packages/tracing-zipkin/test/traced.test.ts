import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import { background, callInfo, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { attempt, isRetryError, retry } from "@kit/lb";
import { bind, type Fields, loggerFunc } from "@kit/log";
import { context, diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Tracer } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AlwaysOffSampler,
  type ReadableSpan,
  SamplingDecision,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { injectTrace, zipkinContext, spanId, spanOf, traced, traceId, withSpan } from "../src/index.ts";
import { Message, recording } from "./recording.ts";

const echo: Endpoint<unknown, unknown> = async (request) => request;
const failing = (error: unknown) => async (): Promise<never> => {
  throw error;
};

/** What `diag` is told in this test. */
function diagnosed() {
  const error = vi.fn<(...told: unknown[]) => void>();
  diag.setLogger({ error, warn() {}, info() {}, debug() {}, verbose() {} });
  onTestFinished(() => diag.disable());
  return error;
}

const events = ({ events: all }: ReadableSpan) =>
  all.map(({ name, attributes = {} }) => [name, attributes["exception.message"]]);

describe("traced", () => {
  // go-kit: TestTraceEndpoint, TestTraceServer
  it("opens a span for each call, a child of the one in the context", async () => {
    const { tracer, spans } = recording();
    const parent = tracer.startSpan("parent");
    const endpoint = traced(tracer, { service: "addsvc", name: "sum", transport: "nats" })(echo);
    expect(await endpoint(1, withSpan(background, parent))).toBe(1);
    const [span] = spans();
    expect([span!.name, span!.kind, span!.status.code]).toEqual(["addsvc/sum", SpanKind.SERVER, SpanStatusCode.UNSET]);
    expect(span!.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
    expect(span!.attributes).toEqual({
      "rpc.method": "addsvc/sum",
      "rpc.system.name": "nats",
      "rpc.status_code": "OK",
    });
  });

  // go-kit: TestTraceEndpointNoContextSpan
  it("opens a root where there is no span", async () => {
    const { tracer, spans } = recording();
    await traced(tracer, { kind: SpanKind.INTERNAL })(echo)(1, background);
    expect(spans()[0]!.parentSpanContext).toBeUndefined();
    expect([spans()[0]!.name, spans()[0]!.attributes]).toEqual(["endpoint", {}]);
  });

  it("is named by callInfo on a server, and on a client only by what it was told", async () => {
    const { tracer, spans } = recording();
    const call = (method: string) => background.with(callInfo, { service: "addsvc", method, transport: "http" });
    const served = traced(tracer)(echo);
    await served(1, call("sum"));
    await served(1, call("concat"));
    // go-kit: TestTraceClient
    await traced(tracer, { service: "other", name: "get", kind: SpanKind.CLIENT })(echo)(1, call("sum"));
    expect(spans().map(({ name, attributes }) => [name, attributes["rpc.system.name"]])).toEqual([
      ["addsvc/sum", "http"],
      ["addsvc/concat", "http"],
      ["other/get", undefined],
    ]);
  });

  // go-kit: TestTraceEndpointWithOptions
  it("has attributes of your own, which a sampler sees", async () => {
    const seen: unknown[] = [];
    const sampler = {
      shouldSample: (...[, , , , attributes]: unknown[]) => {
        seen.push(attributes);
        return { decision: SamplingDecision.RECORD_AND_SAMPLED };
      },
      toString: () => "seeing",
    };
    const { tracer, spans } = recording({ sampler });
    const byTenant = (ctx: Context) => ({ tenant: ctx.get(callInfo)?.service ?? "" });
    await traced(tracer, { name: "a", kind: SpanKind.INTERNAL, attributes: { fixed: 1 } })(echo)(1, background);
    await traced(tracer, { name: "b", kind: SpanKind.INTERNAL, attributes: byTenant })(echo)(
      1,
      background.with(callInfo, { service: "acme", method: "", transport: "" }),
    );
    expect(seen).toEqual([{ fixed: 1 }, { tenant: "acme" }]);
    expect(spans().map(({ attributes }) => attributes)).toEqual(seen);
  });

  it.for([
    [SpanKind.SERVER, "not_found", SpanStatusCode.UNSET],
    [SpanKind.SERVER, "internal", SpanStatusCode.ERROR],
    [SpanKind.CLIENT, "not_found", SpanStatusCode.ERROR],
  ] as const)("tells of a failed call: kind %i, %s", async ([kind, code, status]) => {
    const { tracer, spans } = recording();
    const error = new KitError(code, "no such thing");
    await expect(traced(tracer, { name: "get", kind })(failing(error))(1, background)).rejects.toBe(error);
    const [span] = spans();
    expect(span!.attributes).toMatchObject({ "error.type": code, "rpc.status_code": code.toUpperCase() });
    expect(span!.status.code).toBe(status);
    expect(events(span!)).toEqual(status === SpanStatusCode.ERROR ? [["exception", "no such thing"]] : []);
  });

  it("takes whatever is thrown, at once or later", async () => {
    const { tracer, spans, open } = recording();
    const middleware = traced(tracer, { name: "get" });
    const hostile = { toString: () => Symbol("no text") as never };
    const error = diagnosed();
    for (const thrown of ["text", undefined, null, 7, hostile]) {
      await expect(middleware(failing(thrown))(1, background)).rejects.toBe(thrown);
    }
    const atOnce = (): never => {
      throw new Error("at once");
    };
    expect(() => middleware(atOnce)(1, background)).toThrow("at once");
    expect(spans().map(({ status }) => status.message)).toEqual([
      "text",
      "undefined",
      "null",
      "7",
      undefined,
      "at once",
    ]);
    expect([open(), error.mock.calls.length]).toEqual([0, 1]);
  });

  it("shows each attempt, and what all of them failed with", async () => {
    const { tracer, spans } = recording();
    const errors = [new KitError("unavailable", "first"), new KitError("unavailable", "second")];
    let calls = 0;
    const one = traced(tracer, { name: "attempt", kind: SpanKind.CLIENT })(() => Promise.reject(errors[calls++]));
    const all = traced(tracer, { name: "call", kind: SpanKind.INTERNAL })(retry({ pick: () => one }, { attempts: 2 }));
    await expect(all(1, background)).rejects.toSatisfy(isRetryError);
    const [first, second, call] = spans();
    expect(first!.attributes["gokit.retry.attempt"]).toBeUndefined();
    expect(second!.attributes["gokit.retry.attempt"]).toBe(2);
    expect(call!.attributes).toEqual({
      "error.type": "unavailable",
      "gokit.retry.error.1": "first",
      "gokit.retry.error.2": "second",
    });
    expect(first!.parentSpanContext?.spanId).toBe(call!.spanContext().spanId);
    expect(attempt.id).toBe(Symbol.for("@kit/context/attempt"));
  });

  it("shows what a breaker refuses", async () => {
    const { tracer, spans } = recording();
    const breaker = gobreaker({ readyToTrip: () => true });
    const guarded = traced(tracer, { name: "get", kind: SpanKind.CLIENT })(breaker(failing(new Error("down"))));
    await expect(guarded(1, background)).rejects.toThrow("down");
    await expect(guarded(1, background)).rejects.toThrow("circuit breaker is open");
    const [, refused] = spans();
    expect(refused!.status).toEqual({ code: SpanStatusCode.ERROR, message: "circuit breaker is open" });
    expect(refused!.attributes["error.type"]).toBe("unavailable");
  });

  it.for([
    [false, SpanStatusCode.ERROR],
    [true, SpanStatusCode.UNSET],
  ] as const)("shows a business failure; ignored: %s", async ([ignoreBusinessErrors, status]) => {
    const { tracer, spans } = recording();
    const response = { failed: () => new Error("too poor") };
    expect(await traced(tracer, { name: "buy", ignoreBusinessErrors })(echo)(response, background)).toBe(response);
    expect(spans()[0]!.attributes).toMatchObject({ "gokit.business.error": "too poor", "rpc.status_code": "OK" });
    expect(spans()[0]!.status.code).toBe(status);
  });

  it("survives a response whose failed throws", async () => {
    const { tracer, spans } = recording();
    const response = {
      failed(): never {
        throw new Error("broken");
      },
    };
    expect(await traced(tracer)(echo)(response, background)).toBe(response);
    expect(spans()[0]!.attributes["gokit.business.error"]).toBe("broken");
  });

  it("ends with its context, also where the endpoint goes on for ever", async () => {
    const { tracer, spans, open } = recording();
    const never: Endpoint<unknown, unknown> = () => new Promise(() => {});
    using ctx = background.withCancel();
    void traced(tracer, { name: "get" })(never)(1, ctx);
    expect(open()).toBe(1);
    ctx.cancel();
    expect([open(), spans()[0]!.attributes["error.type"]]).toEqual([0, "canceled"]);
    void traced(tracer, { name: "get" })(never)(1, ctx);
    expect([open(), spans().length]).toEqual([0, 2]);
  });

  it("lets go of the context when the call is over", async () => {
    const { tracer } = recording();
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

  it("is in the context and active while the endpoint runs", async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    onTestFinished(() => context.disable());
    const { tracer, spans } = recording();
    const inner = traced(tracer, { name: "inner", kind: SpanKind.INTERNAL })(echo);
    await traced(tracer, { name: "outer" })(async (request, ctx) => {
      await Promise.resolve();
      expect(trace.getActiveSpan()).toBe(spanOf(ctx));
      spanOf(ctx)!.addEvent("seen");
      // A context that was forgotten on the way.
      return inner(request, background);
    })(1, background);
    const [child, parent] = spans();
    expect(child!.parentSpanContext?.spanId).toBe(parent!.spanContext().spanId);
    expect(events(parent!)).toEqual([["seen", undefined]]);
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it("gives logs the ids", async () => {
    const { tracer, spans } = recording();
    const records: Fields[] = [];
    const logger = bind(
      loggerFunc((fields) => void records.push(fields)),
      { trace_id: traceId, span_id: spanId },
    );
    await traced(tracer)(async (_, ctx) => logger.log({ n: 1 }, ctx))(1, background);
    logger.log({ n: 2 }, background);
    logger.log({ n: 3 });
    const { traceId: trace_id, spanId: span_id } = spans()[0]!.spanContext();
    expect(records).toEqual([
      { trace_id, span_id, n: 1 },
      { trace_id: undefined, span_id: undefined, n: 2 },
      { trace_id: undefined, span_id: undefined, n: 3 },
    ]);
  });

  it("refuses what is no tracer", () => {
    expect(() => traced({} as Tracer)).toThrow(new TypeError("traced: tracer must be a tracer of OpenTelemetry"));
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
    const { tracer, spans, open } = recording();
    const stream = await traced(tracer)(async () => numbers())(1, background);
    const read: number[] = [];
    for await (const number of stream) {
      expect(open()).toBe(1);
      read.push(number);
    }
    expect([read, open(), spans()[0]!.attributes["rpc.status_code"]]).toEqual([[1, 2], 0, "OK"]);
  });

  it("ends when the reader leaves, and lets the source go", async () => {
    const { tracer, open } = recording();
    let left = false;
    async function* endless() {
      try {
        for (;;) yield 1;
      } finally {
        left = true;
      }
    }
    for await (const _ of await traced(tracer)(async () => endless())(1, background)) break;
    expect([open(), left]).toEqual([0, true]);
    const unread = await traced(tracer)(async () => endless())(1, background);
    expect(await unread.return()).toEqual({ done: true, value: undefined });
    expect(open()).toBe(0);
  });

  it("fails when the stream does", async () => {
    const { tracer, spans, open } = recording();
    const error = new KitError("data_loss", "torn");
    const stream = await traced(tracer)(async () => numbers(error))(1, background);
    await expect(gather(stream)).rejects.toBe(error);
    expect([open(), spans()[0]!.attributes["error.type"]]).toEqual([0, "data_loss"]);
  });

  it("ends with the context where nobody reads", async () => {
    const { tracer, open } = recording();
    using ctx = background.withCancel();
    const stream = await traced(tracer)(async () => numbers())(1, ctx);
    ctx.cancel();
    expect(open()).toBe(0);
    expect(await gather(stream)).toEqual([1, 2]);
  });

  it("is active in each step", async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    onTestFinished(() => context.disable());
    const { tracer, spans } = recording();
    async function* ids() {
      yield trace.getActiveSpan()?.spanContext().spanId;
    }
    const seen = await gather(await traced(tracer)(async () => ids())(1, background));
    expect(seen).toEqual([spans()[0]!.spanContext().spanId]);
  });

  it("leaves the platform's streams as they are, and ends when it has them", async () => {
    const { tracer, open } = recording();
    for (const stream of [Readable.from(["a"]), new Blob(["a"]).stream()]) {
      expect(await traced(tracer)(echo)(stream, background)).toBe(stream);
      expect(open()).toBe(0);
    }
  });

  it("leaves one alone that cannot be opened", async () => {
    diagnosed();
    const { tracer, open } = recording();
    const broken = {
      [Symbol.asyncIterator](): never {
        throw new Error("broken");
      },
    };
    expect(await traced(tracer)(echo)(broken, background)).toBe(broken);
    expect(open()).toBe(0);
  });
});

describe("traced, of a call that nobody records", () => {
  it("passes an unsampled trace on, and waits for nothing", async () => {
    const { tracer, spans } = recording({ sampler: new AlwaysOffSampler() });
    const message = new Message();
    const promise = Promise.resolve(1);
    let listeners = 0;
    using scope = background.withCancel();
    vi.spyOn(scope, "onCancel").mockImplementation(() => {
      listeners++;
      return () => {};
    });
    const endpoint = traced(tracer)((_, ctx: Context) => {
      injectTrace()(ctx, message);
      return promise;
    });
    expect(endpoint(1, scope)).toBe(promise);
    expect(message.headers["traceparent"]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect([spans(), listeners]).toEqual([[], 0]);
  });

  it("calls with the same context where there is no provider", async () => {
    const next = vi.fn<Endpoint<number, number>>(async (request) => request);
    expect(await traced(trace.getTracer("none"))(next)(1, background)).toBe(1);
    expect(next).toHaveBeenCalledExactlyOnceWith(1, background);
  });

  it("passes the caller's trace on where there is no provider", async () => {
    const parent = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: "1".repeat(32),
      spanId: "2".repeat(16),
      traceFlags: 1,
    });
    const message = new Message();
    await traced(trace.getTracer("none"))(async (_, ctx) => injectTrace()(ctx, message))(
      1,
      background.with(zipkinContext, parent),
    );
    expect(message.headers).toEqual({ traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` });
  });
});

describe("traced, with a tracer that fails", () => {
  const processor = (fault: Partial<SpanProcessor>): SpanProcessor => ({
    onStart() {},
    onEnd() {},
    forceFlush: async () => {},
    shutdown: async () => {},
    ...fault,
  });
  const fault = (): never => {
    throw new Error("exporter is broken");
  };

  it.for([
    ["when it opens a span", { onStart: fault }],
    ["when it ends one", { onEnd: fault }],
  ] as const)("does not fail the call: %s", async ([, broken]) => {
    const error = diagnosed();
    const { tracer } = recording({ processors: [processor(broken)] });
    const next = vi.fn<Endpoint<number, number>>(async (request) => request);
    expect(await traced(tracer)(next)(1, background)).toBe(1);
    expect(next).toHaveBeenCalledOnce();
    expect(error).toHaveBeenCalledOnce();
  });

  it("does not fail the call when the attributes cannot be told", async () => {
    const error = diagnosed();
    const { tracer } = recording();
    expect(await traced(tracer, { attributes: fault })(echo)(1, background)).toBe(1);
    expect(error).toHaveBeenCalledOnce();
  });
});
