import { background } from "@kit/endpoint";
import { startServer, whenInstalled } from "@kit/servers";
import { extractTrace, grpcTraceBin, injectTrace, traced } from "@kit/tracing-opencensus";
import { CanonicalCode, CoreTracerBase, type Span, SpanKind } from "@opencensus/core";
import { TraceContextFormat } from "@opencensus/propagation-tracecontext";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { echo, overGrpc, overHttp } from "./echo-wire.ts";
import { echoedByGo, spansOf, tracingServer } from "./go-tracing.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** OpenCensus's own tracer, and the spans that have ended. */
function recording() {
  const tracer = new CoreTracerBase();
  const spans: Span[] = [];
  tracer.registerSpanEventListener({ onStartSpan() {}, onEndSpan: (span) => void spans.push(span) });
  tracer.start({ samplingRate: 1 });
  onTestFinished(() => void tracer.stop());
  return { tracer, spans };
}

whenInstalled(tracingServer("opencensus"), () => {
  describe.for([
    ["HTTP, with B3", overHttp, {}, []],
    ["HTTP, with W3C's headers", overHttp, { propagation: new TraceContextFormat() }, ["-w3c"]],
    ["gRPC, with its own header", overGrpc, { propagation: grpcTraceBin }, []],
  ] as const)("one trace of OpenCensus's over %s", ([, wire, hook, flags]) => {
    it("goes on from a client of ours in go-kit", async () => {
      await using server = await startServer(tracingServer("opencensus", ...flags));
      const { tracer, spans } = recording();
      await using client = wire.client(server, injectTrace(hook));
      const say = traced(tracer, { name: "say", kind: SpanKind.CLIENT })(client);
      expect(await say({ text: "hello" }, background)).toMatchObject({ text: "hello" });
      await expect(say({ text: "" }, background)).rejects.toThrow("nothing to echo");
      // What is not sampled here is not there either.
      const unseen = traced(tracer, { name: "say", kind: SpanKind.CLIENT, samplingRate: 0 })(client);
      expect(await unseen({ text: "unseen" }, background)).toMatchObject({ text: "unseen" });

      const theirs = await spansOf(server.url, 4);
      expect(spans.map(({ status }) => status.code === CanonicalCode.OK)).toEqual([true, false]);
      for (const [index, ours] of spans.entries()) {
        const [endpoint, request] = theirs.slice(2 * index);
        expect(request).toMatchObject({ trace: ours.traceId, parent: ours.id, remoteParent: true, kind: 1 });
        expect(endpoint).toMatchObject({ trace: ours.traceId, parent: request!.id, name: "endpoint" });
      }
    });

    it("goes on from a go-kit client here", async () => {
      const { tracer, spans } = recording();
      await using served = await wire.serve(traced(tracer, { name: "say" })(echo), extractTrace(hook));
      const call = (text: string, ...more: string[]) =>
        echoedByGo("opencensus", served.address, text, "-transport", wire.transport, ...flags, ...more);
      const [well, ill, unseen] = [await call("hello"), await call(""), await call("unseen", "-unsampled")];
      expect([well.text, ill.error, unseen.text, unseen.spans]).toEqual([
        "hello",
        expect.stringContaining("nothing to echo"),
        "unseen",
        [],
      ]);

      expect(spans.map(({ status }) => status.code)).toEqual([CanonicalCode.OK, CanonicalCode.FAILED_PRECONDITION]);
      for (const [index, { spans: theirs }] of [well, ill].entries()) {
        const [request, endpoint] = theirs;
        const ours = spans[index]!;
        expect(request).toMatchObject({ trace: ours.traceId, id: ours.parentSpanId, parent: endpoint!.id, kind: 2 });
        expect(ours.remoteParent).toBe(true);
      }
    });
  });

  it("has the attributes that go-kit's spans have", async () => {
    await using server = await startServer(tracingServer("opencensus"));
    const { tracer, spans } = recording();
    const { host } = new URL(server.url);
    await using client = overHttp.client(server, injectTrace({ host }));
    await traced(tracer, { name: "say", kind: SpanKind.CLIENT })(client)({ text: "hello" }, background);
    await using served = await overHttp.serve(traced(tracer, { name: "say" })(echo), extractTrace());
    const { spans: theirs } = await echoedByGo("opencensus", `${served.address}/echo`, "hello");
    const [asked, answered] = spans;
    const request = { "http.method": "POST", "http.path": "/echo" };
    expect(asked!.attributes).toEqual({ ...request, "http.host": host });
    expect(answered!.attributes).toEqual(request);
    // go-kit asks for the user agent before there is one.
    expect(theirs[0]!.attributes).toEqual({
      ...request,
      "http.host": new URL(served.address).host,
      "http.user_agent": "",
      "http.status_code": 200,
    });
    const [, theirRequest] = await spansOf(server.url, 2);
    expect(theirRequest!.attributes).toEqual({ ...request, "http.response_size": 17 });
  });
});
