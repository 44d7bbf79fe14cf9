import { background } from "@kit/endpoint";
import { context, diag, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { extractTrace, injectTrace, zipkinContext, spanOf, traceContext, traced } from "../src/index.ts";
import { Message, recording } from "./recording.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

/** What comes in with these headers. */
function incoming(headers: Record<string, string | readonly string[]>) {
  const message = Object.assign(new Message(), { headers });
  return extractTrace()(background, message);
}

describe("extractTrace", () => {
  it("reads W3C's headers", () => {
    const ctx = incoming({ traceparent: `00-${traceId}-${spanId}-01`, tracestate: ["a=1", "b=2"] });
    const { traceState, ...found } = spanOf(ctx)!.spanContext();
    expect(found).toEqual({ traceId, spanId, traceFlags: 1, isRemote: true });
    expect(traceState?.serialize()).toBe("a=1,b=2");
  });

  it.for([
    "",
    "garbage",
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  ])("begins a new trace for %j", (traceparent) => {
    expect(spanOf(incoming({ traceparent }))).toBeUndefined();
  });

  it("takes what a later version has added, and of the flags the one that it knows", () => {
    expect(spanOf(incoming({ traceparent: `cc-${traceId}-${spanId}-ff-more` }))!.spanContext()).toMatchObject({
      traceId,
      traceFlags: 1,
    });
  });

  it("begins a new trace whatever was active when the server was started", async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    onTestFinished(() => context.disable());
    const { tracer, spans } = recording();
    await tracer.startActiveSpan("start", () => traced(tracer)(async () => 1)(1, incoming({})));
    expect(spans()[0]!.parentSpanContext).toBeUndefined();
  });

  // go-kit: TestHTTPServerTraceIsRequestBasedSampled
  it("has the caller's decision on sampling obeyed", async () => {
    const { tracer, spans } = recording();
    for (const flags of ["00", "01"]) {
      await traced(tracer)(async () => 1)(1, incoming({ traceparent: `00-${traceId}-${spanId}-${flags}` }));
    }
    expect(spans()).toHaveLength(1);
    expect(spans()[0]!.parentSpanContext).toMatchObject({ traceId, spanId });
  });
});

describe("injectTrace", () => {
  it("writes nothing where there is no trace", () => {
    const message = new Message();
    injectTrace()(background, message);
    expect(message.headers).toEqual({});
  });

  it("passes on what it did not make itself", () => {
    const headers = { traceparent: `00-${traceId}-${spanId}-01`, tracestate: "a=1,b=2" };
    const message = new Message();
    injectTrace()(incoming(headers), message);
    expect(message.headers).toEqual(headers);
  });
});

describe("another propagator", () => {
  it("carries baggage, with the one that is registered", () => {
    propagation.setGlobalPropagator(new W3CBaggagePropagator());
    onTestFinished(() => propagation.disable());
    const baggage = propagation.createBaggage({ tenant: { value: "acme" } });
    const message = new Message();
    const ctx = background.with(zipkinContext, propagation.setBaggage(ROOT_CONTEXT, baggage));
    injectTrace({ propagator: propagation })(ctx, message);
    expect(message.headers).toEqual({ baggage: "tenant=acme" });
    const received = extractTrace({ propagator: propagation })(background, message).get(zipkinContext)!;
    expect(propagation.getBaggage(received)?.getEntry("tenant")?.value).toBe("acme");
  });

  it("does not fail the call when it throws", () => {
    const error = vi.fn<() => void>();
    diag.setLogger({ error, warn() {}, info() {}, debug() {}, verbose() {} });
    onTestFinished(() => diag.disable());
    const fault = (): never => {
      throw new Error("broken");
    };
    const propagator = { inject: fault, extract: fault };
    const ctx = extractTrace({ propagator })(background, new Message());
    injectTrace({ propagator })(ctx, new Message());
    expect([spanOf(ctx), error.mock.calls.length]).toEqual([undefined, 2]);
  });
});

describe("traceContext", () => {
  const getter = {
    get: (carrier: Record<string, string>, name: string) => carrier[name],
    keys: (carrier: Record<string, string>) => Object.keys(carrier),
  };
  const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
  const parent = fc
    .tuple(fc.constantFrom("00", "01", "ff"), hex(32), hex(16), hex(2), fc.constantFrom("", "-x"))
    .map(([version, trace_, span, flags, rest]) => `${version}-${trace_}-${span}-${flags}${rest}`);

  it("reads what the SDK's propagator reads, but for flags that are reserved", () => {
    const theirs = new W3CTraceContextPropagator();
    fc.assert(
      fc.property(fc.oneof(parent, fc.string()), fc.string(), (traceparent, tracestate) => {
        const [ours, sdk] = [traceContext, theirs].map((propagator) =>
          trace.getSpanContext(propagator.extract(ROOT_CONTEXT, { traceparent, tracestate }, getter)),
        );
        expect(ours?.traceId).toBe(sdk?.traceId);
        expect(ours?.spanId).toBe(sdk?.spanId);
        expect(ours?.traceFlags).toBe(sdk && sdk.traceFlags & 1);
        expect(ours?.traceState?.serialize()).toBe(sdk?.traceState?.serialize());
      }),
    );
  });

  it("reads what it has written", () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.constantFrom(0, 1), (id, span, traceFlags) => {
        fc.pre(/[^0]/.test(id) && /[^0]/.test(span));
        const carrier: Record<string, string> = {};
        const written = { traceId: id, spanId: span, traceFlags };
        const setter = { set: (to: typeof carrier, name: string, value: string) => void (to[name] = value) };
        traceContext.inject(trace.setSpanContext(ROOT_CONTEXT, written), carrier, setter);
        const read = trace.getSpanContext(traceContext.extract(ROOT_CONTEXT, carrier, getter));
        expect(read).toEqual({ ...written, isRemote: true });
      }),
    );
  });

  it("names its headers", () => {
    expect(traceContext.fields()).toEqual(["traceparent", "tracestate"]);
  });
});
