import { background } from "@kit/endpoint";
import { LinkType, type Propagation, type SpanContext, SpanKind } from "@opencensus/core";
import { B3Format } from "@opencensus/propagation-b3";
import { TraceContextFormat } from "@opencensus/propagation-tracecontext";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  b3,
  extractTrace,
  grpcTraceBin,
  injectTrace,
  spanId as spanIdOf,
  spanOf,
  tellStatus,
  traced,
  traceId as traceIdOf,
} from "../src/index.ts";
import { Message, recording } from "./recording.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const sampled = { "x-b3-traceid": traceId, "x-b3-spanid": spanId, "x-b3-sampled": "1" };

const request = (headers: Record<string, string> = {}) =>
  Object.assign(new Message(headers), { method: "GET", path: "/the/path?token=secret" });

describe("extractTrace", () => {
  // go-kit: TestHTTPServerTrace, TestGRPCServerTrace
  it.for([
    ["B3", b3, sampled],
    ["W3C's", new TraceContextFormat(), { traceparent: `00-${traceId}-${spanId}-01` }],
    [
      "gRPC's bytes",
      grpcTraceBin,
      { "grpc-trace-bin": Buffer.from(`0000${traceId}01${spanId}0201`, "hex").toString("base64") },
    ],
  ] as const)("has the call be a child of the caller's span: %s", async ([, propagation, headers]) => {
    const { tracer, spans } = recording();
    const ctx = extractTrace({ propagation })(background, new Message(headers));
    expect([traceIdOf(ctx), spanIdOf(ctx), spanOf(ctx)]).toEqual([traceId, spanId, undefined]);
    await traced(tracer)(async () => 1)(1, ctx);
    const [span] = spans();
    expect([span!.traceId, span!.parentSpanId, span!.remoteParent]).toEqual([traceId, spanId, true]);
    const message = new Message();
    injectTrace({ propagation })(ctx, message);
    expect(message.headers).toEqual(headers);
  });

  // go-kit: TestHTTPServerTrace
  it("has the call's span say which request it was, without its query", async () => {
    const { tracer, spans } = recording();
    await traced(tracer)(async (_, ctx) => traced(tracer)(async () => 1)(1, ctx))(
      1,
      extractTrace()(background, request()),
    );
    expect(spans().map(({ attributes }) => attributes)).toEqual([
      {},
      { "http.method": "GET", "http.path": "/the/path" },
    ]);
  });

  it("begins a new trace where strangers call, with a link to theirs", async () => {
    const { tracer, spans } = recording();
    const ctx = extractTrace({ isPublic: true })(background, new Message({ ...sampled, "x-b3-sampled": "0" }));
    expect(traceIdOf(ctx)).toBeUndefined();
    await traced(tracer)(async () => 1)(1, ctx);
    // go-kit: its quirk, a public server without propagation panics.
    await traced(tracer)(async () => 1)(1, extractTrace({ isPublic: true })(background, new Message()));
    const [span, unlinked] = spans();
    expect(span!.traceId).not.toBe(traceId);
    expect(span!.links).toEqual([{ traceId, spanId, type: LinkType.PARENT_LINKED_SPAN, attributes: {} }]);
    expect(unlinked!.links).toEqual([]);
  });

  // go-kit: TestHTTPServerTraceIsRequestBasedSampled
  it("has the caller's decision on sampling obeyed, and where there is none makes its own", async () => {
    const { tracer, spans } = recording();
    const ids = { "x-b3-traceid": traceId, "x-b3-spanid": spanId };
    for (const headers of [{ ...ids, "x-b3-sampled": "0" }, sampled, ids]) {
      await traced(tracer)(async () => 1)(1, extractTrace()(background, new Message(headers)));
    }
    expect(spans()).toHaveLength(2);
  });

  it("begins a new trace whatever was current when the server was started", async () => {
    const { tracer, spans } = recording();
    const root = tracer.startRootSpan({ name: "start" }, (span) => span);
    Object.defineProperty(tracer, "currentRootSpan", { value: root });
    await traced(tracer)(async () => 1)(1, extractTrace()(background, new Message()));
    expect([spans()[0]!.parentSpanId, spans()[0]!.traceId === root.traceId]).toEqual(["", false]);
  });
});

describe("injectTrace", () => {
  it("writes nothing where there is no trace", () => {
    const message = new Message();
    injectTrace()(background, message);
    injectTrace()(extractTrace()(background, new Message()), message);
    expect(message.headers).toEqual({});
  });

  // go-kit: TestHTTPClientTrace
  it("has the client's span say where it went, and what came of it", async () => {
    const { tracer, spans } = recording();
    const hook = injectTrace({ host: "example.com:8080" });
    const client = traced(tracer, { kind: SpanKind.CLIENT })(async (_, ctx) => {
      hook(ctx, request({ "user-agent": "kit" }));
      tellStatus(ctx, { status: 204 });
    });
    await client(1, background);
    expect(spans()[0]!.attributes).toEqual({
      "http.method": "GET",
      "http.path": "/the/path",
      "http.host": "example.com:8080",
      "http.user_agent": "kit",
      "http.status_code": 204,
    });
  });

  it("leaves the span of a server alone that calls on without one for the client", async () => {
    const { tracer, spans } = recording();
    await traced(tracer)(async (_, ctx) => {
      injectTrace({ host: "example.com" })(ctx, request());
      tellStatus(ctx, { status: 204 });
    })(1, background);
    expect(spans()[0]!.attributes).toEqual({});
    expect(tellStatus(background, { status: 204 })).toBeUndefined();
  });

  it("says nothing of HTTP where it is another wire", async () => {
    const { tracer, spans } = recording();
    const client = traced(tracer, { kind: SpanKind.CLIENT })(async (_, ctx) =>
      injectTrace({ host: "example.com" })(ctx, new Message()),
    );
    await client(1, background);
    expect(spans()[0]!.attributes).toEqual({});
  });
});

describe("a format that fails", () => {
  it("does not fail the call", () => {
    const fault = (): never => {
      throw new Error("broken");
    };
    const onError = vi.fn<(error: unknown) => void>();
    const broken = { propagation: { extract: fault, inject: fault }, onError };
    expect(traceIdOf(extractTrace(broken)(background, new Message(sampled)))).toBeUndefined();
    injectTrace(broken)(extractTrace()(background, new Message(sampled)), new Message());
    expect(onError.mock.calls.length).toBe(2);
  });
});

/** What a format reads of these headers, by way of the hook. */
function read(propagation: Pick<Propagation, "extract" | "inject">, headers: Record<string, string>) {
  const ctx = extractTrace({ propagation })(background, new Message(headers));
  return { traceId: traceIdOf(ctx), spanId: spanIdOf(ctx) };
}

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((id) => /[^0]/.test(id));
const anyContext = fc.record({ traceId: hex(32), spanId: hex(16), options: fc.constantFrom(0, 1) });

function written(propagation: Pick<Propagation, "inject">, context: SpanContext): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject({ setHeader: (name, value) => void (headers[name] = value) }, context);
  return headers;
}

const getter = (headers: Record<string, string>) => ({ getHeader: (name: string) => headers[name] });

describe("b3", () => {
  const theirs = new B3Format();

  it("writes what @opencensus/propagation-b3 reads, and reads what that writes", () => {
    fc.assert(
      fc.property(anyContext, (context) => {
        expect(theirs.extract(getter(written(b3, context)))).toEqual(context);
        expect(b3.extract(getter(written(theirs, context)))).toEqual(context);
      }),
    );
  });

  it("reads a trace of 64 bits, capital letters, old tracers' and debug's decisions", () => {
    const ids = { "x-b3-traceid": "A3CE929D0E0E4736", "x-b3-spanid": spanId };
    const context = { traceId: "0000000000000000a3ce929d0e0e4736", spanId };
    expect(b3.extract(getter(ids))).toEqual(context);
    expect(b3.extract(getter({ ...ids, "x-b3-sampled": "true" }))).toEqual({ ...context, options: 1 });
    expect(b3.extract(getter({ ...ids, "x-b3-sampled": "false" }))).toEqual({ ...context, options: 0 });
    expect(b3.extract(getter({ ...ids, "x-b3-sampled": "constructor" }))).toEqual(context);
    expect(b3.extract(getter({ ...ids, "x-b3-flags": "1" }))).toEqual({ ...context, options: 1 });
  });

  it("makes ids of its own", () => {
    const { traceId: trace, spanId: span, options } = b3.generate();
    expect([trace, span, options]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.any(String), 1]);
    expect(grpcTraceBin.generate().traceId).not.toBe(trace);
  });
});

describe("whatever comes", () => {
  const formats = [b3, new B3Format(), new TraceContextFormat(), grpcTraceBin] as const;
  const value = fc.oneof(fc.string(), hex(32), hex(16), fc.constantFrom("0".repeat(32), "0".repeat(16), "undefined"));
  const names = ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags", "grpc-trace-bin", "traceparent"];
  const garbage = fc.dictionary(fc.constantFrom(...names), value);

  it.for([0, 1, 2, 3])("is a trace with ids, or none: format %i", (index) => {
    fc.assert(
      fc.property(garbage, (headers) => {
        const { traceId: trace, spanId: span } = read(formats[index]!, headers);
        const isTrace = /^(?!0*$)[0-9a-f]{32}$/.test(trace ?? "") && /^(?!0*$)[0-9a-f]{16}$/.test(span ?? "");
        expect(isTrace || (trace === undefined && span === undefined)).toBe(true);
      }),
    );
  });

  it.for([0, 1, 2, 3])("is what was written, where that was a trace: format %i", (index) => {
    fc.assert(
      fc.property(anyContext, (context) => {
        const { traceId: trace, spanId: span } = context;
        expect(read(formats[index]!, written(formats[index]!, context))).toEqual({ traceId: trace, spanId: span });
      }),
    );
  });

  it("has its reserved flags taken off, with which TraceContextFormat would write what nobody reads", () => {
    const propagation = new TraceContextFormat();
    const message = new Message();
    const ctx = extractTrace({ propagation })(background, new Message({ traceparent: `00-${traceId}-${spanId}-ff` }));
    injectTrace({ propagation })(ctx, message);
    expect(message.headers).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
  });
});
