import { background, KitError } from "@kit/endpoint";
import { nats, whenStartable } from "@kit/servers";
import { SpanStatusCode } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { TracerShim } from "@opentelemetry/shim-opentracing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { traced } from "../src/index.ts";
import { threeHops } from "./hops.ts";
import { jaegerTracer, logsOf, recording, type Reported } from "./recording.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** OpenTelemetry's SDK, behind its bridge. */
function bridged() {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  onTestFinished(() => provider.shutdown());
  const propagator = new W3CTraceContextPropagator();
  const propagators = { textMapPropagator: propagator, httpHeadersPropagator: propagator };
  return {
    tracer: new TracerShim(provider.getTracer("test"), propagators),
    spans: (): Reported[] =>
      exporter.getFinishedSpans().map((span) => ({
        trace: span.spanContext().traceId,
        id: span.spanContext().spanId,
        parent: span.parentSpanContext?.spanId,
        name: span.name,
        // The bridge makes a status of that tag.
        tags: { ...span.attributes, ...(span.status.code === SpanStatusCode.ERROR && { error: true }) },
        logs: span.events.map(({ name, attributes }) => ({ ...attributes, event: name })),
      })),
  };
}

/** The spans from the root down, each the only child of the one before. */
function lineOf(spans: readonly Reported[]): Reported[] {
  const line: Reported[] = [];
  for (let parent: string | undefined; ; parent = line.at(-1)!.id) {
    const children = spans.filter((span) => span.parent === parent);
    if (children.length !== 1) return line;
    line.push(children[0]!);
  }
}

whenStartable(nats, () => {
  describe.for([
    ["Jaeger's tracer", jaegerTracer],
    ["OpenTelemetry behind its bridge", bridged],
  ] as const)("one trace over HTTP, NATS and gRPC, with %s", ([, make]) => {
    it("has a span on either side of each hop, each the child of the one before", async () => {
      const { tracer, spans } = make();
      const say = await threeHops([tracer, tracer, tracer], async ({ text }) => ({ text: `${text}!` }));
      expect(await say({ text: "hello" }, background)).toEqual({ text: "hello!" });
      const line = lineOf(spans());
      expect(line.map(({ name, tags }) => [name, tags["span.kind"], tags["component"]])).toEqual([
        ["front/say", "client", "http"],
        ["front/say", "server", "http"],
        ["middle/say", "client", "nats"],
        ["middle/say", "server", "nats"],
        ["back.Back/Say", "client", "grpc"],
        ["back.Back/Say", "server", "grpc"],
      ]);
      expect([spans().length, new Set(spans().map((span) => span.trace)).size]).toEqual([6, 1]);
      expect(line.map(({ tags }) => [tags["http.method"], tags["http.url"], tags["error"]])).toEqual([
        ["POST", "/say", undefined],
        ["POST", "/say", undefined],
        ...Array.from({ length: 4 }, () => [undefined, undefined, undefined]),
      ]);
    });

    it("shows an error on every hop that it crosses", async () => {
      const { tracer, spans } = make();
      const say = await threeHops([tracer, tracer, tracer], async () => {
        throw new KitError("failed_precondition", "not today");
      });
      await expect(say({ text: "hello" }, background)).rejects.toThrow("not today");
      expect(lineOf(spans()).map(({ tags }) => tags["error"])).toEqual(Array(6).fill(true));
    });
  });

  describe("a call over HTTP, NATS and gRPC", () => {
    it("is sampled nowhere if the first does not", async () => {
      const [first, second, third] = [jaegerTracer(false), jaegerTracer(), jaegerTracer()];
      const say = await threeHops([first.tracer, second.tracer, third.tracer], async (request) => request);
      expect(await say({ text: "hello" }, background)).toEqual({ text: "hello" });
      expect([first.spans(), second.spans(), third.spans()]).toEqual([[], [], []]);
    });

    it("finishes every span when the caller goes away", async () => {
      const tracer = recording();
      let arrived = (): void => {};
      const begun = new Promise<void>((resolve) => (arrived = resolve));
      const say = await threeHops([tracer, tracer, tracer], () => {
        arrived();
        return new Promise(() => {});
      });
      using ctx = background.withCancel();
      const call = say({ text: "hello" }, ctx);
      await begun;
      expect(tracer.open).toBe(6);
      ctx.cancel();
      await expect(call).rejects.toThrow("context canceled");
      await vi.waitFor(() => expect(tracer.open).toBe(0), { interval: 10, timeout: 30_000 });
      expect(tracer.spans.map((span) => logsOf(span)[0]!["error.kind"])).toEqual(Array(6).fill("canceled"));
    });
  });
});

describe("OpenTelemetry behind its bridge", () => {
  it("has the error as an exception, with its code", async () => {
    const { tracer, spans } = bridged();
    const error = new KitError("unavailable", "down");
    await expect(traced(tracer)(() => Promise.reject(error))(1, background)).rejects.toBe(error);
    expect(spans()[0]!.logs).toMatchObject([
      {
        event: "exception",
        "exception.type": "unavailable",
        "exception.message": "down",
        "exception.stacktrace": error.stack,
      },
    ]);
  });
});
