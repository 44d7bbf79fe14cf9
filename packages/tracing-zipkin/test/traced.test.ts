import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import { background, callInfo, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { attempt, isRetryError, retry } from "@kit/lb";
import { bind, type Fields, loggerFunc } from "@kit/log";
import { Readable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { model, option, type Recorder, sampler, type Tracer } from "zipkin";
import { extractTrace, idOf, injectTrace, spanId, spanOf, traced, traceId, withId } from "../src/index.ts";
import { Message, recording } from "./recording.ts";

const echo: Endpoint<unknown, unknown> = async (request) => request;
const failing = (error: unknown) => async (): Promise<never> => {
  throw error;
};

const never = new sampler.Sampler(sampler.neverSample);

/** A context whose caller sent these headers. */
const called = (b3: string): Context => extractTrace()(background, Object.assign(new Message(), { headers: { b3 } }));

const caller = `${"1".repeat(16)}-${"2".repeat(16)}`;

describe("traced", () => {
  // go-kit: TestTraceEndpoint
  it("opens a span for each call, a child of the one in the context", async () => {
    const { tracer, spans } = recording({ traceId128Bit: true });
    const parent = tracer.createRootId();
    const endpoint = traced(tracer, { service: "addsvc", name: "Sum", transport: "nats" })(echo);
    expect(await endpoint(1, withId(background, parent))).toBe(1);
    const [span] = spans();
    expect(span).toMatchObject({
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      parentId: parent.spanId,
      name: "addsvc/sum",
      kind: "SERVER",
      shared: false,
      tags: { "rpc.method": "addsvc/Sum", "rpc.system.name": "nats", "rpc.status_code": "OK" },
    });
    expect(span!.traceId).toBe(parent.traceId);
  });

  it("opens a root where there is no span", async () => {
    const { tracer, spans } = recording();
    await traced(tracer, { kind: "LOCAL" })(echo)(1, background);
    expect(spans()[0]).toMatchObject({ name: "endpoint", kind: undefined, tags: {} });
    expect(spans()[0]!.parentId).toBeUndefined();
  });

  it("is a child of the tracer's current id where the context has none", async () => {
    const { tracer, spans } = recording();
    const parent = tracer.createRootId();
    await tracer.letId(parent, () => traced(tracer)(echo)(1, background));
    expect(spans()[0]!.parentId).toBe(parent.spanId);
  });

  it("is the tracer's current id while the endpoint is entered, sampled or not", async () => {
    for (const [options, ctx] of [
      [{}, background],
      [{ sampler: never }, background],
      [{}, called(`${caller}-0`)],
    ] as const) {
      const { tracer } = recording(options);
      const before = tracer.id;
      const inner = traced(tracer, { kind: "LOCAL" })(async (_, below) => expect(tracer.id).toBe(idOf(below)));
      await traced(tracer)((_, below: Context) => {
        expect(tracer.id).toBe(idOf(below));
        return inner(1, below);
      })(1, ctx);
      expect(tracer.id).toBe(before);
    }
  });

  // go-kit: TestGRPCServerTrace, TestHTTPServerTrace
  it("is the caller's span on a server, its child where the tracer must not join, and for any other kind", async () => {
    const [calling, parent] = ["2".repeat(16), "3".repeat(16)];
    for (const [kind, supportsJoin, joined] of [
      ["SERVER", true, true],
      ["SERVER", false, false],
      ["CONSUMER", true, false],
      ["LOCAL", true, false],
    ] as const) {
      const { tracer, spans } = recording({ supportsJoin });
      await traced(tracer, { kind })(echo)(1, called(`${caller}-1-${parent}`));
      const [span] = spans();
      expect([span!.traceId, span!.shared, span!.id === calling]).toEqual(["1".repeat(16), joined, joined]);
      expect(span!.parentId).toBe(joined ? parent : calling);
    }
  });

  it("joins the caller's span once, where one message has several calls", async () => {
    const { tracer, spans } = recording();
    const ctx = called(`${caller}-1`);
    const endpoint = traced(tracer)(echo);
    await Promise.all([endpoint(1, ctx), endpoint(2, ctx)]);
    expect(spans().map(({ id, parentId }) => [id, parentId].includes("2".repeat(16)))).toEqual([true, true]);
    expect(spans().map(({ shared }) => shared)).toEqual([true, false]);
  });

  it("is named by callInfo on a server, and on a client only by what it was told", async () => {
    const { tracer, spans } = recording();
    const call = (method: string) => background.with(callInfo, { service: "addsvc", method, transport: "http" });
    const served = traced(tracer)(echo);
    await served(1, call("sum"));
    await served(1, call("concat"));
    await traced(tracer, { service: "other", name: "get", kind: "CLIENT" })(echo)(1, call("sum"));
    expect(spans().map(({ name, tags }) => [name, tags["rpc.system.name"]])).toEqual([
      ["addsvc/sum", "http"],
      ["addsvc/concat", "http"],
      ["other/get", undefined],
    ]);
  });

  it("says where both sides are", async () => {
    const localEndpoint = new model.Endpoint({ serviceName: "Here", ipv4: "10.0.0.1", port: 80 });
    const { tracer, spans } = recording({ localEndpoint });
    const peers = ["10.0.0.2:5000", "10.0.0.2", "::ffff:10.0.0.2", "::1", "[::1]:5000", "999.0.0.1", "unix", undefined];
    for (const peer of peers) {
      const ctx = background.with(callInfo, { service: "s", method: "m", transport: "http", peer });
      await traced(tracer)(echo)(1, ctx);
    }
    expect(new Set(spans().map((span) => JSON.stringify(span.localEndpoint)))).toEqual(
      new Set(['{"serviceName":"here","ipv4":"10.0.0.1","port":80}']),
    );
    expect(spans().map(({ remoteEndpoint: there }) => there && [there.ipv4, there.port])).toEqual([
      ["10.0.0.2", 5000],
      ["10.0.0.2", undefined],
      ["10.0.0.2", undefined],
      ...Array(5).fill(undefined),
    ]);
  });

  it.for([
    [{ kind: "CLIENT", service: "addsvc" }, { serviceName: "addsvc" }],
    [
      { kind: "CLIENT", service: "addsvc", remoteService: "adder", remoteAddress: "10.0.0.2:80" },
      { serviceName: "adder", ipv4: "10.0.0.2", port: 80 },
    ],
    [{ kind: "CLIENT", remoteAddress: "10.0.0.2" }, { ipv4: "10.0.0.2" }],
    [{ kind: "PRODUCER", service: "addsvc", remoteService: "broker" }, { serviceName: "broker" }],
    [
      { kind: "CONSUMER", remoteService: "broker", remoteAddress: "10.0.0.3:4222" },
      { serviceName: "broker", ipv4: "10.0.0.3", port: 4222 },
    ],
    [{ kind: "LOCAL", service: "addsvc", remoteService: "broker" }, undefined],
  ] as const)("says what it is of, and what is on the other side: %j", async ([options, other]) => {
    const { tracer, spans } = recording();
    await traced(tracer, options)(echo)(1, background);
    const [span] = spans();
    expect(span!.kind).toBe(options.kind === "LOCAL" ? undefined : options.kind);
    expect(span!.localEndpoint).toEqual({ serviceName: "test", ipv4: undefined, port: undefined });
    expect(span!.remoteEndpoint).toEqual(
      other && { serviceName: undefined, ipv4: undefined, port: undefined, ...other },
    );
    expect(span!.duration).toBeGreaterThan(0);
  });

  // go-kit: TestHTTPClientTraceAddsExpectedTags
  it("has tags of your own, and events", async () => {
    const { tracer, spans } = recording();
    const byTenant = (ctx: Context) => ({ tenant: ctx.get(callInfo)?.service ?? "", "rpc.method": "mine" });
    const endpoint = traced(tracer, { name: "buy", tags: byTenant })(async (_, ctx) => {
      const span = spanOf(ctx)!;
      span.annotate("charged");
      span.tag("amount", 3);
      span.tag("amount", 4);
      return span;
    });
    const span = await endpoint(1, background.with(callInfo, { service: "acme", method: "", transport: "" }));
    span.tag("late", true);
    span.annotate("late");
    const [{ tags, annotations, timestamp, duration }] = spans() as [ReturnType<typeof spans>[number]];
    expect(tags).toEqual({ tenant: "acme", amount: "4", "rpc.method": "mine", "rpc.status_code": "OK" });
    expect(annotations.map(({ value }) => value)).toEqual(["charged"]);
    expect(annotations[0]!.timestamp).toBeGreaterThanOrEqual(timestamp!);
    expect(annotations[0]!.timestamp).toBeLessThanOrEqual(timestamp! + duration!);
    await traced(tracer, { kind: "LOCAL", tags: { fixed: true } })(echo)(1, background);
    expect(spans()[1]!.tags).toEqual({ fixed: "true" });
  });

  it.for([
    ["SERVER", "not_found"],
    ["CLIENT", "unavailable"],
  ] as const)("tells of a failed call: kind %s, %s", async ([kind, code]) => {
    const { tracer, spans } = recording();
    const error = new KitError(code, "no such thing");
    await expect(traced(tracer, { name: "get", kind })(failing(error))(1, background)).rejects.toBe(error);
    expect(spans()[0]!.tags).toMatchObject({
      error: "no such thing",
      "error.type": code,
      "rpc.status_code": code.toUpperCase(),
    });
  });

  it("takes whatever is thrown, at once or later", async () => {
    const { tracer, spans, logged } = recording();
    const middleware = traced(tracer, { name: "get" });
    const hostile = { toString: () => Symbol("no text") as never };
    for (const thrown of ["text", undefined, null, 7, new Error(""), hostile]) {
      await expect(middleware(failing(thrown))(1, background)).rejects.toBe(thrown);
    }
    const atOnce = (): never => {
      throw new Error("at once");
    };
    expect(() => middleware(atOnce)(1, background)).toThrow("at once");
    expect(spans().map(({ tags }) => tags["error"])).toEqual([
      "text",
      "undefined",
      "null",
      "7",
      "unknown",
      undefined,
      "at once",
    ]);
    expect(logged).toHaveLength(1);
  });

  it("shows each attempt, and what all of them failed with", async () => {
    const { tracer, spans } = recording();
    const errors = [new KitError("unavailable", "first"), new KitError("unavailable", "second")];
    let calls = 0;
    const one = traced(tracer, { name: "attempt", kind: "CLIENT" })(() => Promise.reject(errors[calls++]));
    const all = traced(tracer, { name: "call", kind: "LOCAL" })(retry({ pick: () => one }, { attempts: 2 }));
    await expect(all(1, background)).rejects.toSatisfy(isRetryError);
    const [first, second, call] = spans();
    expect(first!.tags["gokit.retry.attempt"]).toBeUndefined();
    expect(second!.tags["gokit.retry.attempt"]).toBe("2");
    expect(call!.tags).toMatchObject({
      "error.type": "unavailable",
      "gokit.retry.error.1": "first",
      "gokit.retry.error.2": "second",
    });
    expect([first!.parentId, second!.parentId]).toEqual([call!.id, call!.id]);
    expect(attempt.id).toBe(Symbol.for("@kit/context/attempt"));
  });

  it("shows what a breaker refuses", async () => {
    const { tracer, spans } = recording();
    const breaker = gobreaker({ readyToTrip: () => true });
    const guarded = traced(tracer, { name: "get", kind: "CLIENT" })(breaker(failing(new Error("down"))));
    await expect(guarded(1, background)).rejects.toThrow("down");
    await expect(guarded(1, background)).rejects.toThrow("circuit breaker is open");
    expect(spans()[1]!.tags).toMatchObject({ error: "circuit breaker is open", "error.type": "unavailable" });
  });

  it.for([
    [false, "too poor"],
    [true, undefined],
  ] as const)("shows a business failure; ignored: %s", async ([ignoreBusinessErrors, error]) => {
    const { tracer, spans } = recording();
    const response = { failed: () => new Error("too poor") };
    expect(await traced(tracer, { name: "buy", ignoreBusinessErrors })(echo)(response, background)).toBe(response);
    expect(spans()[0]!.tags).toMatchObject({ "gokit.business.error": "too poor", "rpc.status_code": "OK" });
    expect(spans()[0]!.tags["error"]).toBe(error);
  });

  it("survives a response whose failed throws", async () => {
    const { tracer, spans } = recording();
    const response = {
      failed(): never {
        throw new Error("broken");
      },
    };
    expect(await traced(tracer)(echo)(response, background)).toBe(response);
    expect(spans()[0]!.tags["gokit.business.error"]).toBe("broken");
  });

  it("ends with its context, also where the endpoint goes on for ever", async () => {
    const { tracer, spans } = recording();
    const endless: Endpoint<unknown, unknown> = () => new Promise(() => {});
    using ctx = background.withCancel();
    void traced(tracer, { name: "get" })(endless)(1, ctx);
    expect(spans()).toHaveLength(0);
    ctx.cancel();
    expect(spans()[0]!.tags["error.type"]).toBe("canceled");
    void traced(tracer, { name: "get" })(endless)(1, ctx);
    expect(spans()).toHaveLength(2);
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

  it("reports a call as one span, however long it lasts", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "setTimeout", "Date", "performance"] });
    try {
      const { tracer, spans } = recording();
      const hour = 3_600_000;
      const start = Date.now();
      const call = traced(tracer)(() => new Promise<void>((resolve) => setTimeout(resolve, hour)))(1, background);
      await vi.advanceTimersByTimeAsync(hour);
      await call;
      expect(spans().map(({ timestamp, duration }) => [timestamp, duration])).toEqual([[start * 1000, hour * 1000]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("follows a clock that is set", async () => {
    const { tracer, spans } = recording();
    const set = Date.now() + 7_200_000;
    const clock = vi.spyOn(Date, "now").mockReturnValue(set);
    await traced(tracer)(echo)(1, background);
    clock.mockRestore();
    await traced(tracer)(echo)(1, background);
    expect(spans()[0]!.timestamp).toBe(set * 1000);
    expect(Math.abs(spans()[1]!.timestamp! / 1000 - Date.now())).toBeLessThan(60_000);
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
    const { traceId: trace_id, id: span_id } = spans()[0]!;
    expect(records).toEqual([
      { trace_id, span_id, n: 1 },
      { trace_id: undefined, span_id: undefined, n: 2 },
      { trace_id: undefined, span_id: undefined, n: 3 },
    ]);
  });

  it.for<readonly [unknown, object, string]>([
    [{}, {}, "traced: tracer must be a tracer of zipkin"],
    [undefined, {}, "traced: tracer must be a tracer of zipkin"],
    [
      recording().tracer,
      { kind: "client" },
      "traced: kind must be one of CLIENT, PRODUCER, SERVER, CONSUMER, LOCAL, got client",
    ],
    [
      recording().tracer,
      { remoteAddress: "host:80" },
      "traced: remoteAddress must be an IPv4 address, with a port or without, got host:80",
    ],
  ])("refuses wrong options: %#", ([tracer, options, message]) => {
    expect(() => traced(tracer as Tracer, options)).toThrow(new TypeError(message));
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
    const { tracer, spans } = recording();
    const stream = await traced(tracer)(async () => numbers())(1, background);
    const read: number[] = [];
    for await (const number of stream) {
      expect(spans()).toHaveLength(0);
      read.push(number);
    }
    expect([read, spans()[0]!.tags["rpc.status_code"]]).toEqual([[1, 2], "OK"]);
  });

  it("ends when the reader leaves, and lets the source go", async () => {
    const { tracer, spans } = recording();
    let left = false;
    async function* endless() {
      try {
        for (;;) yield 1;
      } finally {
        left = true;
      }
    }
    for await (const _ of await traced(tracer)(async () => endless())(1, background)) break;
    expect([spans().length, left]).toEqual([1, true]);
    const unread = await traced(tracer)(async () => endless())(1, background);
    expect(await unread.return()).toEqual({ done: true, value: undefined });
    expect(spans()).toHaveLength(2);
  });

  it("fails when the stream does", async () => {
    const { tracer, spans } = recording();
    const error = new KitError("data_loss", "torn");
    const stream = await traced(tracer)(async () => numbers(error))(1, background);
    await expect(gather(stream)).rejects.toBe(error);
    expect(spans().map(({ tags }) => tags["error.type"])).toEqual(["data_loss"]);
  });

  it("ends with the context where nobody reads", async () => {
    const { tracer, spans } = recording();
    using ctx = background.withCancel();
    const stream = await traced(tracer)(async () => numbers())(1, ctx);
    ctx.cancel();
    expect(spans()).toHaveLength(1);
    expect(await gather(stream)).toEqual([1, 2]);
    expect(spans()).toHaveLength(1);
  });

  it("leaves the platform's streams as they are, and ends when it has them", async () => {
    const { tracer, spans } = recording();
    for (const [at, stream] of [Readable.from(["a"]), new Blob(["a"]).stream()].entries()) {
      expect(await traced(tracer)(echo)(stream, background)).toBe(stream);
      expect(spans()).toHaveLength(at + 1);
    }
  });

  it("leaves one alone that cannot be opened", async () => {
    const { tracer, spans, logged } = recording();
    const broken = {
      [Symbol.asyncIterator](): never {
        throw new Error("broken");
      },
    };
    expect(await traced(tracer)(echo)(broken, background)).toBe(broken);
    expect([spans().length, logged.length]).toEqual([1, 1]);
  });
});

describe("traced, of a call that nobody records", () => {
  it("passes an unsampled trace on, and waits for nothing", async () => {
    const { tracer, spans } = recording({ sampler: never });
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
      expect([spanOf(ctx), traceId(ctx)]).toEqual([undefined, message.headers["x-b3-traceid"]]);
      return promise;
    });
    expect(endpoint(1, scope)).toBe(promise);
    expect(message.headers["x-b3-sampled"]).toBe("0");
    expect([spans(), listeners]).toEqual([[], 0]);
  });

  it("decides once for a trace: below a call that is not sampled the endpoint gets its context as it came", async () => {
    const evaluator = vi.fn<() => boolean>(() => false);
    const { tracer } = recording({ sampler: new sampler.Sampler(evaluator) });
    evaluator.mockClear();
    const next = vi.fn<Endpoint<number, number>>(async (request) => request);
    let above: Context = background;
    const inner = traced(tracer)(next);
    await traced(tracer)((request: number, ctx) => inner(request, (above = ctx)))(1, background);
    expect(next.mock.calls[0]![1]).toBe(above);
    expect(evaluator).toHaveBeenCalledOnce();
    const ctx = called(`${caller}-0`);
    await inner(2, ctx);
    expect(next.mock.calls[1]![1]).toBe(ctx);
    expect(evaluator).toHaveBeenCalledOnce();
  });
});

describe("traced, with a tracer that fails", () => {
  const fault = (): never => {
    throw new Error("broken");
  };
  const recorder: Recorder = { record: fault };

  it.for([
    ["the sampler", { sampler: { shouldSample: fault } }],
    ["the recorder", { recorder }],
  ] as const)("does not fail the call: %s", async ([, broken]) => {
    // A tracer asks its sampler when it is made, too.
    const { tracer, logged } = recording();
    Object.assign(tracer, broken);
    const next = vi.fn<Endpoint<number, number>>(async (request) => request);
    expect(await traced(tracer)(next)(1, background)).toBe(1);
    expect(next).toHaveBeenCalledOnce();
    expect(logged).toHaveLength(1);
  });

  it("does not fail the call when the tags cannot be told", async () => {
    const { tracer, logged } = recording();
    expect(await traced(tracer, { tags: fault })(echo)(1, background)).toBe(1);
    expect(logged).toHaveLength(1);
  });

  it("obeys a caller who wants it recorded", async () => {
    const { tracer, spans } = recording({ sampler: never });
    await traced(tracer)(echo)(1, withId(background, tracer.createRootId(new option.Some(true))));
    expect(spans()).toHaveLength(1);
  });
});
