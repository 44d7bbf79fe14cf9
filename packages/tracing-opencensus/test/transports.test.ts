import { background, KitError } from "@kit/endpoint";
import { nats, whenStartable } from "@kit/servers";
import { CanonicalCode, CoreTracer, CoreTracerBase, type Span, SpanKind } from "@opencensus/core";
import { describe, expect, it, vi } from "vitest";
import { threeHops } from "./hops.ts";
import { recording } from "./recording.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** The spans from the root down, each the only child of the one before. */
function lineOf(spans: readonly Span[]): Span[] {
  const line: Span[] = [];
  for (let parent = ""; ; parent = line.at(-1)!.id) {
    const children = spans.filter(({ parentSpanId }) => parentSpanId === parent);
    if (children.length !== 1) return line;
    line.push(children[0]!);
  }
}

whenStartable(nats, () => {
  describe.for([
    ["the tracer of the core", () => new CoreTracerBase()],
    ["the one with a current root span", () => new CoreTracer()],
  ] as const)("one trace over HTTP, NATS and gRPC, with %s", ([, make]) => {
    it("has a span on either side of each hop, each the child of the one before", async () => {
      const { tracer, spans } = recording({}, make());
      const say = await threeHops([tracer, tracer, tracer], async ({ text }) => ({ text: `${text}!` }));
      expect(await say({ text: "hello" }, background)).toEqual({ text: "hello!" });
      const line = lineOf(spans());
      expect(line.map((span) => [span.name, span.kind, span.status.code])).toEqual([
        ["front/say", SpanKind.CLIENT, CanonicalCode.OK],
        ["front/say", SpanKind.SERVER, CanonicalCode.OK],
        ["middle/say", SpanKind.CLIENT, CanonicalCode.OK],
        ["middle/say", SpanKind.SERVER, CanonicalCode.OK],
        ["back.Back/Say", SpanKind.CLIENT, CanonicalCode.OK],
        ["back.Back/Say", SpanKind.SERVER, CanonicalCode.OK],
      ]);
      expect([spans().length, new Set(spans().map(({ traceId }) => traceId)).size]).toEqual([6, 1]);
      const request = { "http.method": "POST", "http.path": "/say" };
      expect(line.map(({ attributes }) => attributes)).toEqual([
        { ...request, "http.status_code": 200 },
        request,
        {},
        {},
        {},
        {},
      ]);
    });

    it("shows an error on every hop that it crosses", async () => {
      const { tracer, spans } = recording({}, make());
      const say = await threeHops([tracer, tracer, tracer], async () => {
        throw new KitError("failed_precondition", "not today");
      });
      await expect(say({ text: "hello" }, background)).rejects.toThrow("not today");
      expect(lineOf(spans()).map(({ status }) => status)).toEqual(
        Array.from({ length: 6 }, () => ({ code: CanonicalCode.FAILED_PRECONDITION, message: "not today" })),
      );
      expect(lineOf(spans())[0]!.attributes["http.status_code"]).toBe(400);
    });
  });

  describe("a call over HTTP, NATS and gRPC", () => {
    it("is sampled nowhere if the first does not", async () => {
      // A tracer that is started with 0 takes its default of 1 in 10 000.
      const [first, second, third] = [recording({ samplingRate: -1 }), recording(), recording()];
      const say = await threeHops([first.tracer, second.tracer, third.tracer], async (request) => request);
      expect(await say({ text: "hello" }, background)).toEqual({ text: "hello" });
      expect([first.spans(), second.spans(), third.spans()]).toEqual([[], [], []]);
    });

    it("ends every span when the caller goes away", async () => {
      const { tracer, open, spans } = recording();
      let arrived = (): void => {};
      const begun = new Promise<void>((resolve) => (arrived = resolve));
      const say = await threeHops([tracer, tracer, tracer], () => {
        arrived();
        return new Promise(() => {});
      });
      using ctx = background.withCancel();
      const call = say({ text: "hello" }, ctx);
      await begun;
      expect(open()).toBe(6);
      ctx.cancel();
      await expect(call).rejects.toThrow("context canceled");
      await vi.waitFor(() => expect(open()).toBe(0), { interval: 10, timeout: 30_000 });
      expect(spans().map(({ status }) => status.code)).toEqual(Array(6).fill(CanonicalCode.CANCELLED));
    });
  });
});
