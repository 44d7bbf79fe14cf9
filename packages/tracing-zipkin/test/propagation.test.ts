import { background, type Context } from "@kit/endpoint";
import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { B3InjectEncoding, B3Propagator } from "@opentelemetry/propagator-b3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { option, sampler, TraceId } from "zipkin";
import { extractTrace, idOf, injectTrace, traced, withId } from "../src/index.ts";
import { Message, recording } from "./recording.ts";

const traceId = "463ac35c9f6413ad48485a3953bb6124";
const spanId = "a2fb4a1d1a96d312";
const parentId = "0020000000000001";
const multi = { "x-b3-traceid": traceId, "x-b3-spanid": spanId, "x-b3-parentspanid": parentId, "x-b3-sampled": "1" };

/** What comes in with these headers. */
function incoming(headers: Record<string, string | readonly string[]>): Context {
  return extractTrace()(background, Object.assign(new Message(), { headers }));
}

/** What goes out. */
function outgoing(ctx: Context, format: "multi" | "single" | "both" = "multi") {
  const message = new Message();
  injectTrace({ format })(ctx, message);
  return message.headers;
}

describe("extractTrace", () => {
  it.for([
    ["many headers", multi],
    ["one header", { b3: `${traceId}-${spanId}-1-${parentId}` }],
    [
      "both, and the one is preferred",
      { ...multi, "x-b3-spanid": "1".repeat(16), b3: `${traceId}-${spanId}-1-${parentId}` },
    ],
    ["the many where the one is garbage", { ...multi, b3: "garbage" }],
    ["capitals", { b3: `${traceId}-${spanId}-1-${parentId}`.toUpperCase() }],
    ["words for the decision", { ...multi, "x-b3-sampled": "true" }],
  ] as const)("reads %s", ([, headers]) => {
    const id = idOf(incoming(headers))!;
    expect([id.traceId, id.spanId, id.parentSpanId.getOrElse(""), id.sampled.getOrElse(false)]).toEqual([
      traceId,
      spanId,
      parentId,
      true,
    ]);
  });

  it("reads ids of 64 bits, and no parent", () => {
    const id = idOf(incoming({ b3: `${spanId}-${spanId}` }))!;
    expect([id.traceId, id.parentSpanId.present, id.sampled.present, id.isDebug()]).toEqual([
      spanId,
      false,
      false,
      false,
    ]);
  });

  it.for([{ b3: "d" }, { "x-b3-flags": "1" }, { b3: `${traceId}-${spanId}-d` }, { ...multi, "x-b3-flags": "1" }])(
    "reads the debug flag, which samples whatever the sampler says: %j",
    async (headers: Record<string, string>) => {
      const { tracer, spans } = recording({ sampler: new sampler.Sampler(sampler.neverSample) });
      await traced(tracer)(async () => 1)(1, incoming(headers));
      expect(spans().map(({ debug }) => debug)).toEqual([true]);
    },
  );

  it.for([
    "",
    "garbage",
    "2",
    `${traceId}-${spanId}-2`,
    `${traceId}-${spanId}--${parentId}`,
    `${traceId}-${spanId}-1-${parentId}-more`,
    traceId,
    `${"0".repeat(32)}-${spanId}-1`,
    `${traceId}-${"0".repeat(16)}-1`,
    `${traceId}-${traceId}-1`,
    `${traceId.slice(1)}-${spanId}-1`,
    `${traceId}-${spanId}-1, ${traceId}-${spanId}-1`,
  ])("begins a new trace for %j", (b3) => {
    expect(outgoing(incoming({ b3 }))).toEqual({});
  });

  it.for([
    { "x-b3-traceid": traceId },
    { "x-b3-spanid": spanId },
    { ...multi, "x-b3-traceid": "x" },
    { ...multi, "x-b3-spanid": [spanId, spanId] },
  ])("begins a new trace for %j", (headers) => {
    expect(outgoing(incoming(headers))).toEqual({});
  });

  it("begins a new trace whatever the tracer's current id was", async () => {
    const { tracer, spans } = recording();
    await tracer.letId(tracer.createRootId(), () => traced(tracer)(async () => 1)(1, incoming({})));
    expect(spans()[0]!.parentId).toBeUndefined();
  });

  it("has the caller's decision obeyed, with ids and without", async () => {
    const { tracer, spans } = recording();
    const endpoint = traced(tracer)(async (_, ctx) => outgoing(ctx));
    expect(await endpoint(1, incoming({ b3: "0" }))).toMatchObject({ "x-b3-sampled": "0" });
    expect(await endpoint(1, incoming({ ...multi, "x-b3-sampled": "0" }))).toEqual({ ...multi, "x-b3-sampled": "0" });
    expect(spans()).toEqual([]);
    await endpoint(1, incoming({ b3: "1" }));
    await endpoint(1, incoming(multi));
    expect(spans().map((span) => [span.traceId === traceId, span.shared])).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  it("leaves what the caller has not decided to the sampler, and such a span is ours alone", async () => {
    const asked: string[] = [];
    const half = new sampler.Sampler((id) => asked.push(id.traceId) % 2 === 0);
    const { tracer, spans } = recording({ sampler: half });
    asked.length = 0;
    for (let i = 0; i < 4; i++) await traced(tracer)(async () => 1)(1, incoming({ b3: `${traceId}-${spanId}` }));
    expect(asked).toEqual(Array(4).fill(traceId));
    expect(spans().map(({ id, shared }) => [id, shared])).toEqual([
      [spanId, false],
      [spanId, false],
    ]);
  });

  // go-kit: TestHTTPServerTraceIsRequestBasedSampled
  it("decides by the request where its caller has not", async () => {
    const { tracer, spans } = recording({ sampler: new sampler.Sampler(sampler.neverSample) });
    class Request extends Message {
      method = "DELETE";
    }
    const before = extractTrace({ sampled: (_, { method }: Request) => (method === "DELETE" ? true : undefined) });
    const call = (request: Request) => traced(tracer)(async () => 1)(1, before(background, request));
    const headed = (headers: object, method = "DELETE") => Object.assign(new Request(), { headers, method });
    await call(headed({}, "GET"));
    await call(headed({ b3: "0" }));
    expect(spans()).toEqual([]);
    await call(headed({}));
    await call(headed({ b3: `${traceId}-${spanId}` }));
    expect(spans().map((span) => span.traceId === traceId)).toEqual([false, true]);
  });

  it("asks the sampler where that throws", async () => {
    const { tracer, spans } = recording();
    const before = extractTrace({
      sampled: () => {
        throw new Error("broken");
      },
    });
    await traced(tracer)(async () => 1)(1, before(background, new Message()));
    expect(spans()).toHaveLength(1);
  });
});

describe("injectTrace", () => {
  it("writes nothing where there is no trace", () => {
    expect(outgoing(background)).toEqual({});
  });

  it.for([
    [{ b3: "0" }, { "x-b3-sampled": "0" }],
    [{ b3: "d" }, { "x-b3-flags": "1" }],
    [{ b3: `${traceId}-${spanId}` }, { "x-b3-traceid": traceId, "x-b3-spanid": spanId }],
    [{ b3: `${traceId}-${spanId}-1-${parentId}` }, multi],
    [{ b3: `${traceId}-${spanId}-d` }, { "x-b3-traceid": traceId, "x-b3-spanid": spanId, "x-b3-flags": "1" }],
  ] as const)("passes on what it did not make itself, in either form: %j", ([single, many]) => {
    expect(outgoing(incoming(single))).toEqual(many);
    expect(outgoing(incoming(many), "single")).toEqual(single);
    expect(outgoing(incoming(single), "both")).toEqual({ ...single, ...many });
  });

  it("gives a client's id away once, and then ids of their own below it", async () => {
    const { tracer, spans } = recording();
    const sent = await traced(tracer, { kind: "CLIENT" })(async (_, ctx) => [outgoing(ctx), outgoing(ctx)])(
      1,
      background,
    );
    const [span] = spans();
    expect(sent.map((headers) => headers["x-b3-spanid"] === span!.id)).toEqual([true, false]);
    expect(sent[1]).toMatchObject({
      "x-b3-traceid": span!.traceId,
      "x-b3-parentspanid": span!.id,
      "x-b3-sampled": "1",
    });
  });

  it.for(["SERVER", "LOCAL", "CONSUMER"] as const)("never gives away the id of a span of kind %s", async (kind) => {
    const { tracer, spans } = recording();
    const sent = await traced(tracer, { kind })(async (_, ctx) => outgoing(ctx))(1, background);
    expect(sent["x-b3-spanid"]).not.toBe(spans()[0]!.id);
    expect(sent["x-b3-parentspanid"]).toBe(spans()[0]!.id);
  });

  it("refuses another format", () => {
    expect(() => injectTrace({ format: "w3c" as "multi" })).toThrow(
      new TypeError('injectTrace: format must be "multi", "single" or "both", got w3c'),
    );
  });
});

describe("B3, beside OpenTelemetry's propagator of it", () => {
  const hex = (length: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => /[^0]/.test(text));
  const ids = fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() });
  const encodings = { single: B3InjectEncoding.SINGLE_HEADER, multi: B3InjectEncoding.MULTI_HEADER };
  const format = fc.constantFrom("single" as const, "multi" as const);
  const getter = {
    get: (from: Record<string, unknown>, name: string) => from[name.toLowerCase()] as string,
    keys: Object.keys,
  };
  const setter = {
    set: (to: Record<string, string>, name: string, value: string) => void (to[name.toLowerCase()] = value),
  };

  it("writes what that reads", () => {
    fc.assert(
      fc.property(ids, format, ({ traceId: id, spanId: span, sampled }, form) => {
        const own = new TraceId({ traceId: id, spanId: span, sampled: new option.Some(sampled) });
        const headers = outgoing(incoming(outgoing(withId(background, own), form)), form);
        const read = trace.getSpanContext(new B3Propagator().extract(ROOT_CONTEXT, headers, getter));
        expect(read).toMatchObject({ traceId: id, traceFlags: sampled ? 1 : 0 });
      }),
    );
  });

  it("reads what that writes", () => {
    fc.assert(
      fc.property(ids, format, ({ traceId: id, spanId: span, sampled }, form) => {
        const context = trace.setSpanContext(ROOT_CONTEXT, { traceId: id, spanId: span, traceFlags: sampled ? 1 : 0 });
        const headers: Record<string, string> = {};
        new B3Propagator({ injectEncoding: encodings[form] }).inject(context, headers, setter);
        const read = idOf(incoming(headers));
        expect([read?.traceId, read?.spanId, read?.sampled.getOrElse(!sampled)]).toEqual([id, span, sampled]);
      }),
    );
  });

  it("takes from any header only what Zipkin can read", () => {
    const odd = fc.oneof(
      fc.string(),
      hex(16),
      hex(32),
      fc.constantFrom("1", "d", `${traceId.toUpperCase()}-${spanId}`),
    );
    fc.assert(
      fc.property(odd, odd, odd, (b3, one, other) => {
        const headers = { b3, "x-b3-traceid": one, "x-b3-spanid": other, "x-b3-parentspanid": other };
        const written = String(outgoing(incoming(headers), "single")["b3"] ?? "none");
        expect(written).toMatch(/^(none|[01d]|([0-9a-f]{16}){1,2}-[0-9a-f]{16}(-[01d](-[0-9a-f]{16})?)?)$/);
      }),
    );
  });
});
