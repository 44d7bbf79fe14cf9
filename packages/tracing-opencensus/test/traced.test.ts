import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import { background, callInfo, type Code, codes, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { attempt, isRetryError, retry } from "@kit/lb";
import { bind, type Fields, loggerFunc } from "@kit/log";
import { CanonicalCode, CoreTracerBase, type Span, SpanKind, type TracerBase } from "@opencensus/core";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { extractTrace, injectTrace, spanId, spanOf, traced, traceId, withSpan } from "../src/index.ts";
import { Message, recording, recordingCurrent } from "./recording.ts";

const echo: Endpoint<unknown, unknown> = async (request) => request;
const failing = (error: unknown) => async (): Promise<never> => {
  throw error;
};

/** A span of that tracer, to be a parent. */
const root = (tracer: TracerBase): Span => tracer.startRootSpan({ name: "parent" }, (span) => span);

describe("traced", () => {
  // go-kit: TestTraceEndpoint
  it("opens a span for each call, a child of the one in the context", async () => {
    const { tracer, spans } = recording();
    const parent = root(tracer);
    const endpoint = traced(tracer, { service: "addsvc", name: "sum" })(echo);
    expect(await endpoint(1, withSpan(background, parent))).toBe(1);
    const [span] = spans();
    expect([span!.name, span!.kind, span!.status, span!.attributes]).toEqual([
      "addsvc/sum",
      SpanKind.SERVER,
      { code: CanonicalCode.OK },
      {},
    ]);
    expect([span!.parentSpanId, span!.traceId]).toEqual([parent.id, parent.traceId]);
  });

  it("opens a root where there is no span", async () => {
    const { tracer, spans } = recording();
    await traced(tracer, { kind: SpanKind.UNSPECIFIED })(echo)(1, background);
    const [span] = spans();
    expect([span!.name, span!.kind, span!.parentSpanId]).toEqual(["endpoint", SpanKind.UNSPECIFIED, ""]);
  });

  it("continues the trace of a span that has ended", async () => {
    const { tracer, spans } = recording();
    const parent = root(tracer);
    parent.end();
    await traced(tracer)(echo)(1, withSpan(background, parent));
    const [, span] = spans();
    expect([span!.parentSpanId, span!.traceId, span!.remoteParent]).toEqual([parent.id, parent.traceId, false]);
  });

  it("is named by callInfo on a server, and on a client only by what it was told", async () => {
    const { tracer, spans } = recording();
    const call = (method: string) => background.with(callInfo, { service: "addsvc", method, transport: "http" });
    const served = traced(tracer)(echo);
    await served(1, call("sum"));
    await served(1, call("concat"));
    await traced(tracer, { service: "other", name: "get", kind: SpanKind.CLIENT })(echo)(1, call("sum"));
    expect(spans().map(({ name }) => name)).toEqual(["addsvc/sum", "addsvc/concat", "other/get"]);
  });

  // go-kit: TestTraceEndpoint, WithSpanName
  it("has another name, which does not stick", async () => {
    const { tracer, spans } = recording();
    const spanName = (ctx: Context, name: string) => (ctx.get(callInfo) === undefined ? `new-${name}` : "");
    const endpoint = traced(tracer, { name: "x", spanName })(echo);
    await endpoint(1, background);
    await endpoint(1, background);
    await endpoint(1, background.with(callInfo, { service: "", method: "", transport: "" }));
    expect(spans().map(({ name }) => name)).toEqual(["new-x", "new-x", "x"]);
  });

  // go-kit: TestTraceEndpoint, WithEndpointAttributes, WithSpanAttributes
  it("has attributes of your own", async () => {
    const { tracer, spans } = recording();
    const byTenant = (ctx: Context) => ({ tenant: ctx.get(callInfo)?.service ?? "" });
    await traced(tracer, { attributes: { fixed: 1 } })(echo)(1, background);
    await traced(tracer, { attributes: byTenant })(echo)(
      1,
      background.with(callInfo, { service: "acme", method: "", transport: "" }),
    );
    expect(spans().map(({ attributes }) => attributes)).toEqual([{ fixed: 1 }, { tenant: "acme" }]);
  });

  it.for(Object.keys(codes) as Code[])("tells of a failed call: %s", async (code) => {
    const { tracer, spans } = recording();
    const error = new KitError(code, "no such thing");
    await expect(traced(tracer, { name: "get" })(failing(error))(1, background)).rejects.toBe(error);
    // OpenCensus has gRPC's numbers.
    expect(spans()[0]!.status).toEqual({ code: codes[code].grpc, message: "no such thing" });
  });

  it("takes whatever is thrown, at once or later", async () => {
    const { tracer, spans, open } = recording();
    const onError = vi.fn<(error: unknown) => void>();
    const middleware = traced(tracer, { name: "get", onError });
    const hostile = { toString: () => Symbol("no text") as never };
    for (const thrown of ["text", undefined, null, 7, hostile]) {
      await expect(middleware(failing(thrown))(1, background)).rejects.toBe(thrown);
    }
    const atOnce = (): never => {
      throw new Error("at once");
    };
    await expect(middleware(atOnce)(1, background)).rejects.toThrow("at once");
    expect(spans().map(({ status }) => status.message)).toEqual([
      "text",
      "undefined",
      "null",
      "7",
      undefined,
      "at once",
    ]);
    expect([open(), onError.mock.calls.length]).toEqual([0, 1]);
  });

  it("shows each attempt, and what all of them failed with", async () => {
    const { tracer, spans } = recording();
    const errors = [new KitError("unavailable", "first"), new KitError("unavailable", "second")];
    let calls = 0;
    const one = traced(tracer, { name: "attempt", kind: SpanKind.CLIENT })(() => Promise.reject(errors[calls++]));
    const all = traced(tracer, { name: "call" })(retry({ pick: () => one }, { attempts: 2 }));
    await expect(all(1, background)).rejects.toSatisfy(isRetryError);
    const [first, second, call] = spans();
    expect(first!.attributes["gokit.retry.attempt"]).toBeUndefined();
    expect(second!.attributes["gokit.retry.attempt"]).toBe(2);
    expect(call!.attributes).toEqual({ "gokit.retry.error.1": "first", "gokit.retry.error.2": "second" });
    expect(call!.status).toEqual({ code: CanonicalCode.UNAVAILABLE, message: "second" });
    expect(first!.parentSpanId).toBe(call!.id);
    expect(attempt.id).toBe(Symbol.for("@kit/context/attempt"));
  });

  it("shows what a breaker refuses", async () => {
    const { tracer, spans } = recording();
    const breaker = gobreaker({ readyToTrip: () => true });
    const guarded = traced(tracer, { name: "get", kind: SpanKind.CLIENT })(breaker(failing(new Error("down"))));
    await expect(guarded(1, background)).rejects.toThrow("down");
    await expect(guarded(1, background)).rejects.toThrow("circuit breaker is open");
    expect(spans()[1]!.status).toEqual({ code: CanonicalCode.UNAVAILABLE, message: "circuit breaker is open" });
  });

  it.for([
    [false, { code: CanonicalCode.UNKNOWN, message: "too poor" }],
    [true, { code: CanonicalCode.OK }],
  ] as const)("shows a business failure; ignored: %s", async ([ignoreBusinessErrors, status]) => {
    const { tracer, spans } = recording();
    const response = { failed: () => new Error("too poor") };
    expect(await traced(tracer, { name: "buy", ignoreBusinessErrors })(echo)(response, background)).toBe(response);
    expect([spans()[0]!.attributes, spans()[0]!.status]).toEqual([{ "gokit.business.error": "too poor" }, status]);
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
    expect([open(), spans()[0]!.status.code]).toEqual([0, CanonicalCode.CANCELLED]);
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

  it("is in the context while the endpoint runs", async () => {
    const { tracer, spans } = recording();
    const inner = traced(tracer, { name: "inner" })(echo);
    await traced(tracer, { name: "outer" })(async (request, ctx) => {
      await Promise.resolve();
      spanOf(ctx)!.addAttribute("seen", true);
      return inner(request, ctx);
    })(1, background);
    const [child, parent] = spans();
    expect([child!.parentSpanId, parent!.attributes["seen"]]).toEqual([parent!.id, true]);
    expect(spanOf(background)).toBeUndefined();
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
    const [span] = spans();
    expect(records).toEqual([
      { trace_id: span!.traceId, span_id: span!.id, n: 1 },
      { trace_id: undefined, span_id: undefined, n: 2 },
      { trace_id: undefined, span_id: undefined, n: 3 },
    ]);
  });

  it("refuses what is no tracer, and a rate that cannot be", () => {
    expect(() => traced({} as TracerBase)).toThrow(new TypeError("traced: tracer must be a tracer of OpenCensus"));
    for (const samplingRate of [-0.1, 1.1, Number.NaN]) {
      expect(() => traced(recording().tracer, { samplingRate })).toThrow(
        new TypeError(`traced: samplingRate must be from 0 to 1, not ${samplingRate}`),
      );
    }
  });
});

describe("traced, with the tracer that has a current root span", () => {
  it("keeps it over the call, for what is instrumented, and calls at once apart", async () => {
    const { tracer, spans } = recordingCurrent();
    const driver = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      tracer.startChildSpan({ name: "query" }).end();
    };
    const endpoint = traced(tracer, { name: "get" })(driver);
    await Promise.all(Array.from({ length: 10 }, () => endpoint(1, background)));
    const roots = spans().filter(({ name }) => name === "get");
    const queries = spans().filter(({ name }) => name === "query");
    expect(new Set(queries.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set(roots.map(({ id }) => id)));
    expect([roots.length, tracer.currentRootSpan ?? undefined]).toEqual([10, undefined]);
  });

  it("makes its span the child of one that an instrumentation has opened", async () => {
    const { tracer, spans } = recordingCurrent();
    await tracer.startRootSpan({ name: "request" }, async (request) => {
      await traced(tracer, { name: "get" })(echo)(1, background);
      request.end();
    });
    expect(spans().map(({ name }) => name)).toEqual(["get", "request"]);
    expect(spans()[0]!.parentSpanId).toBe(spans()[1]!.id);
  });

  it("leaves none behind when an endpoint throws at once, or a listener does", async () => {
    const { tracer } = recordingCurrent();
    const atOnce = (): never => {
      throw new Error("at once");
    };
    await expect(traced(tracer)(atOnce)(1, background)).rejects.toThrow("at once");
    expect(tracer.currentRootSpan ?? undefined).toBeUndefined();
    tracer.registerSpanEventListener({ onStartSpan: atOnce, onEndSpan() {} });
    const called = traced(tracer)(echo)(1, background);
    expect(tracer.currentRootSpan ?? undefined).toBeUndefined();
    expect(await called).toBe(1);
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
    expect([read, open(), spans()[0]!.status.code]).toEqual([[1, 2], 0, CanonicalCode.OK]);
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
    expect([open(), spans()[0]!.status.code]).toEqual([0, CanonicalCode.DATA_LOSS]);
  });

  it("ends with the context where nobody reads", async () => {
    const { tracer, open } = recording();
    using ctx = background.withCancel();
    const stream = await traced(tracer)(async () => numbers())(1, ctx);
    ctx.cancel();
    expect(open()).toBe(0);
    expect(await gather(stream)).toEqual([1, 2]);
  });

  it("leaves the platform's streams as they are, and ends when it has them", async () => {
    const { tracer, open } = recording();
    for (const stream of [Readable.from(["a"]), new Blob(["a"]).stream()]) {
      expect(await traced(tracer)(echo)(stream, background)).toBe(stream);
      expect(open()).toBe(0);
    }
  });

  it("leaves one alone that cannot be opened", async () => {
    const { tracer, open } = recording();
    const onError = vi.fn<(error: unknown) => void>();
    const broken = {
      [Symbol.asyncIterator](): never {
        throw new Error("broken");
      },
    };
    expect(await traced(tracer, { onError })(echo)(broken, background)).toBe(broken);
    expect([open(), onError.mock.calls.length]).toEqual([0, 1]);
  });
});

describe("traced, of a call that nobody records", () => {
  it("passes an unsampled trace on, and waits for nothing", async () => {
    const { tracer, spans } = recording();
    const message = new Message();
    const promise = Promise.resolve(1);
    let listeners = 0;
    using scope = background.withCancel();
    vi.spyOn(scope, "onCancel").mockImplementation(() => {
      listeners++;
      return () => {};
    });
    const client = traced(tracer, { kind: SpanKind.CLIENT, samplingRate: 1 })((_, ctx: Context) => {
      injectTrace()(ctx, message);
      return promise;
    });
    expect(traced(tracer, { samplingRate: 0 })(client)(1, scope)).toBe(promise);
    expect(message.headers).toEqual({
      "x-b3-traceid": expect.stringMatching(/^[0-9a-f]{32}$/),
      "x-b3-spanid": expect.stringMatching(/^[0-9a-f]{16}$/),
      "x-b3-sampled": "0",
    });
    expect([spans(), listeners]).toEqual([[], 0]);
  });

  it("passes the caller's trace on as it is where the tracer is not started", async () => {
    const headers = { "x-b3-traceid": "1".repeat(32), "x-b3-spanid": "2".repeat(16), "x-b3-sampled": "1" };
    const message = new Message();
    const ctx = extractTrace()(background, new Message(headers));
    await traced(new CoreTracerBase())(async (_, inner) => injectTrace()(inner, message))(1, ctx);
    expect(message.headers).toEqual(headers);
  });

  it("samples as many of the traces as it is told to", async () => {
    const { tracer, spans } = recording();
    const endpoint = traced(tracer, { samplingRate: 0.5 })(echo);
    for (let i = 0; i < 1_000; i++) await endpoint(1, background);
    // Beyond ten standard deviations from the mean.
    expect(Math.abs(spans().length - 500)).toBeLessThan(160);
  });
});

describe("traced, with a tracer that fails", () => {
  const fault = (): never => {
    throw new Error("exporter is broken");
  };

  it.for([
    ["when it opens a span", { onStartSpan: fault, onEndSpan() {} }],
    ["when it ends one", { onStartSpan() {}, onEndSpan: fault }],
  ] as const)("does not fail the call: %s", async ([, listener]) => {
    const { tracer } = recording();
    tracer.registerSpanEventListener(listener);
    onTestFinished(() => tracer.unregisterSpanEventListener(listener));
    const onError = vi.fn<(error: unknown) => void>();
    const next = vi.fn<Endpoint<unknown, unknown>>(echo);
    expect(await traced(tracer, { onError })(next)(1, background)).toBe(1);
    expect(next).toHaveBeenCalledOnce();
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error("exporter is broken"));
  });

  it.for(["attributes", "spanName"] as const)("has its span when a function of yours throws: %s", async (what) => {
    const { tracer, spans } = recording();
    const onError = vi.fn<(error: unknown) => void>(fault);
    expect(await traced(tracer, { [what]: fault, onError })(echo)(1, background)).toBe(1);
    expect([spans().length, onError.mock.calls.length]).toEqual([1, 1]);
  });
});
