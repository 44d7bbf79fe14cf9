import { background } from "@kit/endpoint";
import { FORMAT_HTTP_HEADERS, FORMAT_TEXT_MAP, type Tracer } from "opentracing";
import { describe, expect, it, vi } from "vitest";
import { extractTrace, injectTrace, spanOf, traced, traceId, withSpan } from "../src/index.ts";
import { jaegerTracer, Message, recording } from "./recording.ts";

const request = (method: string, path: string) => Object.assign(new Message(), { method, path });

describe("extractTrace", () => {
  // go-kit: TestTraceHTTPRequestRoundtrip, TestTraceGRPCRequestRoundtrip
  it("has the call be a child of the caller's span", async () => {
    const tracer = recording();
    const message = new Message();
    message.headers["mock-id"] = "7";
    const headers = ["mock-id", "mock-bin"];
    const ctx = extractTrace(tracer, { headers })(background, message);
    expect(spanOf(ctx)).toBeUndefined();
    await traced(tracer, { operationName: () => "joined" })(async () => 1)(1, ctx);
    expect(tracer.spans.map((span) => [span.operationName(), tracer.parentOf(span)])).toEqual([["joined", "7"]]);
  });

  // go-kit: TestHTTPToContextTags
  it("has the call's span say which request it was, without its query", async () => {
    const tracer = recording();
    const ctx = extractTrace(tracer)(background, request("GET", "/the/path?token=secret"));
    await traced(tracer)(async (_, inner) => traced(tracer, { kind: "internal" })(async () => 1)(1, inner))(1, ctx);
    expect(tracer.spans.map((span) => span.tags())).toEqual([
      { "span.kind": "server", "http.method": "GET", "http.url": "/the/path" },
      {},
    ]);
  });

  it("begins a new trace where there is none, whatever the context had", async () => {
    const tracer = recording();
    const ctx = extractTrace(tracer)(withSpan(background, tracer.startSpan("start")), new Message());
    await traced(tracer)(async () => 1)(1, ctx);
    expect(tracer.parentOf(tracer.spans[0]!)).toBeUndefined();
  });

  it("begins a new trace for garbage", async () => {
    const { tracer, spans } = jaegerTracer();
    for (const value of ["", "garbage", "1:2", "0:0:0:0", "x".repeat(10_000), "%00%%%"]) {
      const message = new Message();
      message.headers["uber-trace-id"] = value;
      const onError = vi.fn<(error: unknown) => void>();
      await traced(tracer)(async () => 1)(1, extractTrace(tracer, { onError })(background, message));
      expect(spans().at(-1)!.trace).toMatch(/^[0-9a-f]{1,16}$/);
    }
  });

  it("refuses what is no tracer", () => {
    expect(() => extractTrace({} as Tracer)).toThrow("extractTrace: tracer must be a tracer of OpenTracing");
  });
});

describe("injectTrace", () => {
  it("writes nothing where there is no trace", () => {
    const { tracer } = jaegerTracer();
    const message = new Message();
    injectTrace(tracer)(background, message);
    const garbage = new Message();
    garbage.headers["uber-trace-id"] = "garbage";
    for (const came of [new Message(), garbage]) injectTrace(tracer)(extractTrace(tracer)(background, came), message);
    expect(message.headers).toEqual({});
  });

  it("passes on what it did not make itself", () => {
    const { tracer } = jaegerTracer();
    const message = new Message();
    message.headers["uber-trace-id"] = "463ac35c9f6413ad:a2fb4a1d1a96d312:20000000000001:1";
    const onward = new Message();
    const ctx = extractTrace(tracer)(background, message);
    injectTrace(tracer)(ctx, onward);
    expect([onward.headers, traceId(ctx)]).toEqual([message.headers, "463ac35c9f6413ad"]);
  });

  // go-kit: TestTraceGRPCRequestRoundtrip
  it("writes names in lower case, and the bytes of a name in -bin as messages have them", async () => {
    const tracer = recording();
    const message = new Message();
    await traced(tracer, { kind: "client" })(async (_, ctx) => injectTrace(tracer)(ctx, message))(1, background);
    const [span] = tracer.spans;
    expect(message.headers).toEqual({ "mock-id": span!.uuid(), "mock-bin": Buffer.from("€").toString("base64") });
    const ctx = extractTrace(tracer, { headers: ["mock-id", "mock-bin"] })(background, message);
    await traced(tracer)(async () => 1)(1, ctx);
    expect(tracer.parentOf(tracer.spans[1]!)).toBe(`${span!.uuid()}€`);
  });

  // go-kit: TestContextToHTTPTags
  it.for([
    ["http://example.com:8080/base", { "peer.hostname": "example.com", "peer.port": 8080 }, "http://example.com:8080"],
    ["https://example.com", { "peer.hostname": "example.com" }, "https://example.com"],
    ["example.com:81", { "peer.hostname": "example.com", "peer.port": 81 }, ""],
    ["[::1]:81", { "peer.hostname": "::1", "peer.port": 81 }, ""],
    [new URL("http://127.0.0.1:9"), { "peer.hostname": "127.0.0.1", "peer.port": 9 }, "http://127.0.0.1:9"],
  ] as const)("has the client's span say where it went: %s", async ([peer, tags, origin]) => {
    const tracer = recording();
    const hook = injectTrace(tracer, { peer });
    const client = traced(tracer, { kind: "client" })(async (_, ctx) => hook(ctx, request("GET", "/a?b=c")));
    await client(1, background);
    expect(tracer.spans[0]!.tags()).toEqual({
      "span.kind": "client",
      "http.method": "GET",
      "http.url": `${origin}/a`,
      ...tags,
    });
  });

  it("leaves the span of a server alone that calls on without one for the client", async () => {
    const tracer = recording();
    const hook = injectTrace(tracer, { peer: "example.com:80" });
    await traced(tracer)(async (_, ctx) => hook(ctx, request("GET", "/a")))(1, background);
    expect(tracer.spans[0]!.tags()).toEqual({ "span.kind": "server" });
  });

  it.for(["", "http://", "a b", "example.com:port"])("refuses a peer that cannot be: %j", (peer) => {
    expect(() => injectTrace(recording(), { peer })).toThrow("injectTrace: peer must be a URL or host:port");
  });

  it("refuses what is no tracer", () => {
    expect(() => injectTrace({} as Tracer)).toThrow("injectTrace: tracer must be a tracer of OpenTracing");
  });
});

describe("with Jaeger's tracer", () => {
  it("carries baggage, where its header is named", async () => {
    const { tracer, spans } = jaegerTracer();
    const message = new Message();
    const client = traced(tracer, { kind: "client" })(async (_, ctx) => {
      spanOf(ctx)!.setBaggageItem("tenant", "Łódź & co");
      injectTrace(tracer)(ctx, message);
    });
    await client(1, background);
    const headers = ["uber-trace-id", "uberctx-tenant"];
    const served = traced(tracer)(async (_, ctx) => spanOf(ctx)!.getBaggageItem("tenant"));
    expect(await served(1, extractTrace(tracer, { headers })(background, message))).toBe("Łódź & co");
    expect(new Set(spans().map((span) => span.trace)).size).toBe(1);
  });

  // go-kit: TestHTTPServerTraceIsRequestBasedSampled
  it("obeys the caller's decision on sampling", async () => {
    const { tracer, spans } = jaegerTracer();
    for (const flags of ["0", "1"]) {
      const message = new Message();
      message.headers["uber-trace-id"] = `463ac35c9f6413ad:a2fb4a1d1a96d312:0:${flags}`;
      await traced(tracer)(async () => 1)(1, extractTrace(tracer)(background, message));
    }
    expect(spans()).toHaveLength(1);
  });

  it("has the error's text in the log, since it writes an Error as {}", async () => {
    const { tracer, spans } = jaegerTracer();
    await traced(tracer)(() => Promise.reject(new Error("boo")))(1, background).catch(() => {});
    const [{ tags, logs } = {}] = spans();
    expect([tags!["error"], logs![0]!["message"], JSON.stringify(logs![0]!["error.object"])]).toEqual([
      true,
      "boo",
      "{}",
    ]);
  });
});

describe("a tracer that fails", () => {
  it("does not fail the call", () => {
    const tracer = recording();
    const fault = (): never => {
      throw new Error("broken");
    };
    vi.spyOn(tracer, "inject").mockImplementation(fault);
    vi.spyOn(tracer, "extract").mockImplementation(fault);
    const onError = vi.fn<(error: unknown) => void>();
    const ctx = extractTrace(tracer, { onError })(background, new Message());
    injectTrace(tracer, { onError })(withSpan(ctx, tracer.startSpan("x")), new Message());
    expect(onError.mock.calls.length).toBe(2);
  });

  it("is asked for the format that it is to have", () => {
    const tracer = recording();
    const [inject, extract] = [vi.spyOn(tracer, "inject"), vi.spyOn(tracer, "extract")];
    const ctx = withSpan(background, tracer.startSpan("x"));
    for (const options of [{}, { format: FORMAT_TEXT_MAP }]) {
      injectTrace(tracer, options)(ctx, new Message());
      extractTrace(tracer, options)(ctx, new Message());
    }
    const formats = [FORMAT_HTTP_HEADERS, FORMAT_TEXT_MAP];
    expect(inject.mock.calls.map(([, format]) => format)).toEqual(formats);
    expect(extract.mock.calls.map(([format]) => format)).toEqual(formats);
  });
});
