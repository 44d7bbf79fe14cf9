import { credentials } from "@grpc/grpc-js";
import { background, type Endpoint, KitError } from "@kit/endpoint";
import { type Server, startServer, whenInstalled } from "@kit/servers";
import { extractTrace, grpcTraceBin, injectTrace, tellStatus, traced } from "@kit/tracing-opencensus";
import { encodeErrorPlain as plainOverGrpc, grpcClient, grpcHandler, grpcService } from "@kit/transport-grpc";
import { decodePlainResponse, encodeErrorPlain as plainOverHttp, httpClient, httpHandler } from "@kit/transport-http";
import { CanonicalCode, CoreTracerBase, type Span, SpanKind } from "@opencensus/core";
import { TraceContextFormat } from "@opencensus/propagation-tracecontext";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { Interop as InteropOfIdl } from "./gen/pb/interop_pb.ts";
import { echoedByGo, type GoSpan, opencensusServer } from "./opencensus.ts";
import { type Served, servingGrpc, servingHttp } from "./serving.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const { echo: echoMethod } = grpcService(InteropOfIdl).methods;
const w3c = { propagation: new TraceContextFormat() };
const bytes = { propagation: grpcTraceBin };

/** OpenCensus's own tracer, and the spans that it has had. */
function recording() {
  const tracer = new CoreTracerBase();
  const spans: Span[] = [];
  tracer.registerSpanEventListener({ onStartSpan() {}, onEndSpan: (span) => void spans.push(span) });
  tracer.start({ samplingRate: 1 });
  onTestFinished(() => void tracer.stop());
  return { tracer, spans };
}

interface Wire {
  /** What go-kit names the spans of a call after. */
  readonly spanName: string;
  /** A client of ours of go-kit's server. */
  readonly client: (server: Server) => Endpoint & AsyncDisposable;
  /** Serves ours. */
  readonly serve: (endpoint: Endpoint) => Promise<Served>;
  /** For go-kit's client. */
  readonly flags: readonly string[];
}

const overHttp = (path: string, hooks: object, flags: readonly string[]): Wire => ({
  spanName: `POST ${path}`,
  client: ({ url }) =>
    httpClient({
      url: url + path,
      before: [injectTrace({ ...hooks, host: new URL(url).host })],
      after: [tellStatus],
      decode: decodePlainResponse,
    }),
  serve: (endpoint) =>
    servingHttp(httpHandler(endpoint, { before: [extractTrace(hooks)], errorEncoder: plainOverHttp })),
  flags: ["-transport", "http", ...flags],
});

const overGrpc: Wire = {
  spanName: "/interop.Interop/Echo",
  client: ({ place }) =>
    grpcClient({
      address: `127.0.0.1:${place.ports[1]}`,
      credentials: credentials.createInsecure(),
      path: echoMethod.path,
      serialize: echoMethod.requestCodec.encode,
      deserialize: echoMethod.responseCodec.decode,
      before: [injectTrace(bytes)],
    }),
  serve: (endpoint) =>
    servingGrpc((server) =>
      server.addService(
        {
          echo: {
            path: echoMethod.path,
            requestStream: false,
            responseStream: false,
            requestSerialize: (message: unknown) => Buffer.from(echoMethod.requestCodec.encode(message)),
            requestDeserialize: (message: Buffer) => echoMethod.requestCodec.decode(message),
            responseSerialize: (message: unknown) => Buffer.from(echoMethod.responseCodec.encode(message)),
            responseDeserialize: (message: Buffer) => echoMethod.responseCodec.decode(message),
          },
        },
        { echo: grpcHandler(endpoint, { before: [extractTrace(bytes)], errorEncoder: plainOverGrpc }) },
      ),
    ),
  flags: ["-transport", "grpc"],
};

whenInstalled(opencensusServer, () => {
  describe.for([
    ["HTTP, with B3", overHttp("/echo", {}, [])],
    ["HTTP, with W3C's headers", overHttp("/w3c/echo", w3c, ["-w3c"])],
    ["gRPC, with its own header", overGrpc],
  ] as const)("one trace over %s", ([, { spanName, client, serve, flags }]) => {
    let server: Server;
    beforeAll(async () => {
      server = await startServer(opencensusServer);
    });
    afterAll(() => server?.[Symbol.asyncDispose]());

    /** go-kit's server ends its spans when the reply is out. */
    const goSpans = (count: number): Promise<GoSpan[]> =>
      vi.waitFor(
        async () => {
          const spans = (await (await fetch(`${server.url}/spans`)).json()) as GoSpan[];
          expect(spans).toHaveLength(count);
          return spans;
        },
        { interval: 20, timeout: 30_000 },
      );

    it("from a client of ours to go-kit", async () => {
      const { tracer, spans } = recording();
      await using made = client(server);
      const call = (kind: SpanKind, samplingRate?: number) =>
        traced(tracer, { name: "say", kind, ...(samplingRate !== undefined && { samplingRate }) })(made);
      expect(await call(SpanKind.CLIENT)({ text: "hello" }, background)).toMatchObject({ text: "hello" });
      await expect(call(SpanKind.CLIENT)({ text: "" }, background)).rejects.toThrow("nothing to echo");
      // What is not sampled here is not there either.
      await call(SpanKind.CLIENT, 0)({ text: "unseen" }, background);
      const all = await goSpans(4);
      const [well, ill] = spans;
      for (const [mine, [inner, outer]] of [
        [well!, all.slice(0, 2)],
        [ill!, all.slice(2)],
      ] as const) {
        expect(outer).toMatchObject({ name: spanName, kind: 1, remoteParent: true, parent: mine.id });
        expect(inner).toMatchObject({ name: "endpoint", parent: outer!.id });
        expect([outer!.trace, inner!.trace]).toEqual([mine.traceId, mine.traceId]);
      }
      expect([well!.status.code, ill!.status.code === CanonicalCode.OK, spans.length]).toEqual([
        CanonicalCode.OK,
        false,
        2,
      ]);
    });

    it("from a go-kit client to us", async () => {
      const { tracer, spans } = recording();
      await using served = await serve(
        traced(tracer, { name: "say" })(async ({ text }: { text: string }) => {
          if (text === "") throw new KitError("failed_precondition", "nothing to echo");
          return { text };
        }),
      );
      const well = await echoedByGo(served.address, "hello", ...flags);
      const ill = await echoedByGo(served.address, "", ...flags);
      const unseen = await echoedByGo(served.address, "unseen", ...flags, "-unsampled");
      expect([well.text, unseen.text, ill.error]).toEqual([
        "hello",
        "unseen",
        expect.stringContaining("nothing to echo"),
      ]);
      expect(spans.map(({ status }) => status.code)).toEqual([CanonicalCode.OK, CanonicalCode.FAILED_PRECONDITION]);
      for (const [index, { spans: theirs }] of [well, ill].entries()) {
        const mine = spans[index]!;
        const [outgoing, endpoint] = theirs;
        expect(outgoing).toMatchObject({ kind: 2, trace: mine.traceId, id: mine.parentSpanId, parent: endpoint!.id });
        expect(mine.remoteParent).toBe(true);
      }
      expect(unseen.spans).toEqual([]);
    });
  });

  describe("the attributes of a request over HTTP", () => {
    it("are go-kit's, and theirs are ours", async () => {
      await using server = await startServer(opencensusServer);
      const { tracer, spans } = recording();
      const wire = overHttp("/echo", {}, []);
      await using made = wire.client(server);
      const client = traced(tracer, { name: "say", kind: SpanKind.CLIENT })(made);
      await client({ text: "hello" }, background);
      await using served = await wire.serve(traced(tracer, { name: "say" })(async (request) => request));
      const { spans: theirs } = await echoedByGo(`${served.address}/echo`, "hello", ...wire.flags);
      const [ours, answered] = spans;
      const [asked] = theirs;
      const common = { "http.method": "POST", "http.path": "/echo" };
      expect(ours!.attributes).toEqual({
        ...common,
        "http.host": new URL(server.url).host,
        "http.status_code": 200,
      });
      // Go's client asks for its user agent before there is one.
      expect(asked!.attributes).toEqual({
        ...common,
        "http.host": new URL(served.address).host,
        "http.user_agent": "",
        "http.status_code": 200,
      });
      expect(answered!.attributes).toEqual(common);
    });
  });
});
