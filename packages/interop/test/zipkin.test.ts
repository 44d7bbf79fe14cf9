import { credentials } from "@grpc/grpc-js";
import { background, type Endpoint, KitError } from "@kit/endpoint";
import { type Server, startServer, whenInstalled, whenStartable, zipkin } from "@kit/servers";
import { type EndpointsOf, implement } from "@kit/service";
import {
  extractTrace,
  idOf,
  injectTrace,
  type InjectTraceOptions,
  traced,
  withId,
  type ZipkinReporter,
  zipkinReporter,
} from "@kit/tracing-zipkin";
import { connectGrpc, grpcService, serveGrpc } from "@kit/transport-grpc";
import { connectHttp, decodePlainResponse, serveHttp } from "@kit/transport-http";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { BatchRecorder, ExplicitContext, option, randomTraceId, TraceId, Tracer } from "zipkin";
import { Interop } from "./contract.ts";
import { Interop as InteropOfIdl } from "./gen/pb/interop_pb.ts";
import { callByGo, gokit } from "./gokit.ts";
import { ownService } from "./own-service.ts";
import { type Served, servingGrpc, servingHttp } from "./serving.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 240_000 });

/** A span as Zipkin's API tells it, as much of it as is looked at. */
interface StoredSpan {
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: string;
  readonly shared?: boolean;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags?: Readonly<Record<string, string>>;
}

type Format = InjectTraceOptions;

const GrpcInterop = grpcService(InteropOfIdl);

/** By transport: a server of ours for go-kit's clients, and a client of ours for its servers. */
const wires = {
  http: {
    serve: (endpoints: EndpointsOf<typeof Interop>) =>
      servingHttp(serveHttp(Interop, endpoints, { before: [extractTrace()] })),
    connect: ({ url }: Server, format?: Format) =>
      connectHttp(Interop, { url, before: [injectTrace(format)], decode: decodePlainResponse }),
  },
  grpc: {
    serve: (endpoints: EndpointsOf<typeof Interop>) =>
      servingGrpc((server) => serveGrpc(GrpcInterop, endpoints, { server, before: [extractTrace()] })),
    connect: ({ place }: Server, format?: Format) =>
      connectGrpc(GrpcInterop, {
        address: `127.0.0.1:${place.ports[2]}`,
        credentials: credentials.createInsecure(),
        before: [injectTrace(format)],
      }),
  },
};

whenInstalled(gokit(), () => {
  whenStartable(zipkin, () => {
    let collector: Server;
    let spansUrl: string;
    let reporter: ZipkinReporter;
    let tracer: Tracer;
    beforeAll(async () => {
      collector = await startServer(zipkin);
      spansUrl = `${collector.url}/api/v2/spans`;
      reporter = zipkinReporter({ url: spansUrl });
      tracer = new Tracer({
        ctxImpl: new ExplicitContext(),
        recorder: new BatchRecorder({ logger: reporter }),
        localServiceName: "ours",
        traceId128Bit: true,
      });
    });
    afterAll(async () => {
      await reporter?.close();
      await collector?.[Symbol.asyncDispose]();
    });

    /** Zipkin's spans of one trace from the root down, once there are as many as that; of two with one id the client's comes first. */
    async function stored(trace: string, count: number): Promise<StoredSpan[]> {
      await reporter.flush();
      const spans = await vi.waitUntil(
        async () => {
          const response = await fetch(`${collector.url}/api/v2/trace/${trace}`);
          const all = response.ok ? ((await response.json()) as StoredSpan[]) : [];
          return all.length >= count && all;
        },
        { interval: 20, timeout: 30_000 },
      );
      const depth = ({ parentId, shared }: StoredSpan): number => {
        const above = spans.find(({ id }) => id === parentId);
        return (above === undefined ? 0 : 2 + depth({ ...above, shared: false })) + (shared ? 1 : 0);
      };
      return spans.toSorted((one, other) => depth(one) - depth(other));
    }

    const told = (spans: readonly StoredSpan[]) =>
      spans.map(({ kind, shared = false, localEndpoint }) => [localEndpoint.serviceName, kind, shared]);

    describe.for(["http", "grpc"] as const)("a client of ours calls go-kit over %s", (transport) => {
      let server: Server;
      beforeAll(async () => {
        server = await startServer(gokit(() => ["-zipkin", spansUrl]));
      });
      afterAll(() => server?.[Symbol.asyncDispose]());

      /** Calls inside a span of ours, which says what trace it was. */
      async function call(name: "sum" | "fail", request: object, ctx = background, format?: Format) {
        const client = wires[transport].connect(server, format);
        onTestFinished(() => client[Symbol.asyncDispose]());
        const next = traced(tracer, { service: "interop", name, transport, kind: "CLIENT" })(client[name] as Endpoint);
        let trace = "";
        const caller = traced(tracer, { name: "caller", kind: "LOCAL" })((sent: object, below) => {
          trace = idOf(below)!.traceId;
          return next(sent, below);
        });
        const outcome = await caller(request, ctx).catch((error: unknown) => error);
        return { trace, outcome };
      }

      // go-kit: TestGRPCServerTrace, TestHTTPServerTrace
      it("and Zipkin has both halves of one span in one trace", async () => {
        const { trace, outcome } = await call("sum", { a: 1, b: 2 });
        expect(outcome).toMatchObject({ v: 3 });
        const spans = await stored(trace, 3);
        expect(told(spans)).toEqual([
          ["ours", undefined, false],
          ["ours", "CLIENT", false],
          ["gokit-server", "SERVER", true],
        ]);
        expect([spans[1]!.id, spans[1]!.parentId]).toEqual([spans[2]!.id, spans[0]!.id]);
      });

      // Of a trace id in one header zipkin-go 0.2.5 loses a digit, which is a 0 here; over gRPC it does not read it at all.
      it(`and the single header is ${transport === "http" ? "read" : "not read"} there`, async () => {
        const id = `${randomTraceId()}0${randomTraceId().slice(1)}`;
        const sampled = new option.Some(true);
        const ctx = withId(background, new TraceId({ traceId: id, spanId: randomTraceId(), sampled }));
        const { trace } = await call("sum", { a: 1, b: 2 }, ctx, { format: "single" });
        expect(trace).toBe(id);
        const spans = await stored(trace, transport === "http" ? 3 : 2);
        expect(told(spans)[2]).toEqual(transport === "http" ? ["gokit-server", "SERVER", true] : undefined);
      });

      it("and both halves have the error", async () => {
        const { trace } = await call("fail", { coded: true });
        const spans = await stored(trace, 3);
        expect(spans.map(({ tags }) => tags?.["error"] !== undefined)).toEqual([true, true, true]);
        expect(spans[1]!.tags).toMatchObject({ error: "no such thing", "error.type": "not_found" });
      });
    });

    describe.for(["http", "grpc"] as const)("go-kit calls us over %s", (transport) => {
      let served: Served;
      beforeAll(async () => {
        const { endpoints } = ownService(() => new KitError("not_found", "no such thing"));
        served = await wires[transport].serve(implement(Interop, endpoints, (method) => traced(tracer, method)));
      });
      afterAll(() => served?.[Symbol.asyncDispose]());

      const call = (operation: string, request: object) =>
        callByGo({ transport, address: served.address, operation, request, flags: ["-zipkin", spansUrl] });

      // go-kit: TestGRPCClientTrace, TestHTTPClientTracePropagatesParentSpan
      it("and Zipkin has both halves of one span in one trace", async () => {
        const { response, trace, span } = await call("sum", { a: 1, b: 2 });
        expect(response).toMatchObject({ v: 3 });
        const spans = await stored(trace, 3);
        expect(told(spans)).toEqual([
          ["gokit-client", undefined, false],
          ["gokit-client", "CLIENT", false],
          ["ours", "SERVER", true],
        ]);
        expect(spans[0]!.id).toBe(span);
        expect([spans[2]!.id, spans[2]!.parentId]).toEqual([spans[1]!.id, span]);
      });

      it("and both halves have the error", async () => {
        const { trace } = await call("fail", { coded: true });
        const spans = await stored(trace, 3);
        expect(spans.map(({ tags }) => tags?.["error"] !== undefined)).toEqual([false, true, true]);
        expect(spans[2]!.tags).toMatchObject({ error: "no such thing", "error.type": "not_found" });
      });
    });
  });
});
