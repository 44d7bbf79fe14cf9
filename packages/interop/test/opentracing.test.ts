import { background, type Context } from "@kit/endpoint";
import { startServer, whenInstalled } from "@kit/servers";
import { extractTrace, injectTrace, spanOf, traced } from "@kit/tracing-opentracing";
import jaeger, { type JaegerSpan } from "jaeger-client";
import { FORMAT_HTTP_HEADERS, FORMAT_TEXT_MAP } from "opentracing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { echo, overGrpc, overHttp } from "./echo-wire.ts";
import { echoedByGo, spansOf, tracingServer } from "./go-tracing.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** Jaeger's own tracer, and the spans that have finished. */
function recording(sampled = true) {
  const reporter = new jaeger.InMemoryReporter();
  const tracer = new jaeger.Tracer("node", reporter, new jaeger.ConstSampler(sampled));
  onTestFinished(() => tracer.close());
  return { tracer, spans: reporter.spans };
}

/** Go writes an id with its leading zeros, JavaScript without. */
const id = (text: string | undefined): string => text!.padStart(16, "0");

/** Whose child it is. */
const parentOf = (span: JaegerSpan): string => (span.context() as { readonly parentIdStr?: string }).parentIdStr!;

whenInstalled(tracingServer("opentracing"), () => {
  describe.for([
    ["HTTP", overHttp, FORMAT_HTTP_HEADERS],
    ["gRPC", overGrpc, FORMAT_TEXT_MAP],
  ] as const)("one trace of Jaeger's tracers over %s", ([, wire, format]) => {
    it("goes on from a client of ours in go-kit", async () => {
      await using server = await startServer(tracingServer("opentracing"));
      const [{ tracer, spans }, off] = [recording(), recording(false)];
      await using client = wire.client(server, injectTrace(tracer, { format }));
      const say = traced(tracer, { name: "say", kind: "client" })(client);
      expect(await say({ text: "hello" }, background)).toMatchObject({ text: "hello" });
      await expect(say({ text: "" }, background)).rejects.toThrow("nothing to echo");
      // What is not sampled here is not there either.
      const unseen = traced(off.tracer, { name: "say", kind: "client" })(client);
      expect(await unseen({ text: "unseen" }, background)).toMatchObject({ text: "unseen" });

      // The span of the request, between ours and theirs, go-kit never finishes.
      const theirs = await spansOf(server.url, 2);
      expect(theirs.map(({ trace }) => id(trace))).toEqual(spans.map((span) => id(span.context().toTraceId())));
      expect(theirs.map(({ name, attributes }) => [name, attributes!["error"]])).toEqual([
        ["echo", undefined],
        ["echo", true],
      ]);
    });

    it("goes on from a go-kit client here, baggage and all", async () => {
      const { tracer, spans } = recording();
      const tenants: unknown[] = [];
      const heard = (request: { text: string }, ctx: Context) => {
        tenants.push(spanOf(ctx)!.getBaggageItem("tenant"));
        return echo(request, ctx);
      };
      const hook = extractTrace(tracer, { format, headers: ["uber-trace-id", "uberctx-tenant"] });
      await using served = await wire.serve(traced(tracer, { name: "say" })(heard), hook);
      const call = (text: string, ...more: string[]) =>
        echoedByGo("opentracing", served.address, text, "-transport", wire.transport, ...more);
      const [well, ill, unseen] = [await call("hello"), await call(""), await call("unseen", "-unsampled")];
      expect([well.text, ill.error, unseen.text, unseen.spans, tenants]).toEqual([
        "hello",
        expect.stringContaining("nothing to echo"),
        "unseen",
        [],
        ["acme", "acme", "acme"],
      ]);

      expect(spans).toHaveLength(2);
      for (const [index, { spans: theirs }] of [well, ill].entries()) {
        const ours = spans[index]!;
        expect([theirs[0]!.trace, theirs[0]!.id].map(id)).toEqual([ours.context().toTraceId(), parentOf(ours)].map(id));
      }
    });
  });
});
