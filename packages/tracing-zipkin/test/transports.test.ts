import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { background, type Endpoint, KitError } from "@kit/endpoint";
import { nats, startServer, whenStartable } from "@kit/servers";
import { defineService, implement } from "@kit/service";
import { grpcClient, grpcHandler } from "@kit/transport-grpc";
import { connectHttp, serveHttp } from "@kit/transport-http";
import { connectNats, serveNats } from "@kit/transport-nats";
import { connect } from "@nats-io/transport-node";
import { SpanKind, type Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { AlwaysOffSampler, BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { extractTrace, injectTrace, traced } from "../src/index.ts";
import { collector, type OtlpSpan } from "./collector.ts";
import { recording } from "./recording.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const text = z.object({ text: z.string() });
const Front = defineService("front", { say: { request: text, response: text } });
const Middle = defineService("middle", { say: { request: text, response: text } });
const path = "/back.Back/Say";

/** What every server and every client is given, whatever its transport. */
const server = { before: [extractTrace()] };
const client = { before: [injectTrace()] };

const toBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const fromBytes = (bytes: Uint8Array): any => JSON.parse(Buffer.from(bytes).toString());

/** gRPC, over a codec of JSON. */
async function back(tracer: Tracer, say: Endpoint): Promise<Endpoint> {
  const listening = new Server();
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  };
  listening.addService({ say: method }, { say: grpcHandler(traced(tracer)(say), server) });
  const port = await new Promise<number>((resolve, reject) => {
    listening.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
  onTestFinished(() => listening.forceShutdown());
  const address = `127.0.0.1:${port}`;
  const made = grpcClient({
    address,
    credentials: credentials.createInsecure(),
    path,
    serialize: toBytes,
    deserialize: fromBytes,
    ...client,
  });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return traced(tracer, { service: "back.Back", name: "Say", transport: "grpc", kind: SpanKind.CLIENT })(made);
}

/** NATS, whose handler calls on. */
async function middle(tracer: Tracer, url: string, next: Endpoint): Promise<Endpoint> {
  const connection = await connect({ servers: url });
  onTestFinished(() => connection.close());
  const endpoints = implement(Middle, { say: next }, (method) => traced(tracer, method));
  const served = serveNats(Middle, endpoints, { connection, ...server });
  onTestFinished(async () => void (await served.close()));
  const made = connectNats(Middle, { connection, ...client });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return traced(tracer, { ...Middle.methods.say, transport: "nats", kind: SpanKind.CLIENT })(made.say);
}

/** HTTP, whose handler calls on. */
async function front(tracer: Tracer, next: Endpoint): Promise<Endpoint> {
  const endpoints = implement(Front, { say: next }, (method) => traced(tracer, method));
  const listening = createServer(serveHttp(Front, endpoints, server));
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    listening.closeAllConnections();
    listening.close();
  });
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const made = connectHttp(Front, { url, ...client });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return traced(tracer, { ...Front.methods.say, transport: "http", kind: SpanKind.CLIENT })(made.say);
}

/** The SDK's own exporter, to that collector. */
function exporting(url: string): NodeTracerProvider {
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: 500 });
  const provider = new NodeTracerProvider({
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 3_600_000 })],
  });
  onTestFinished(() => provider.shutdown().catch(() => {}));
  return provider;
}

/** The spans from the root down, each the only child of the one before. */
function lineOf(spans: readonly OtlpSpan[]): OtlpSpan[] {
  const line: OtlpSpan[] = [];
  for (let parent: string | undefined; ; parent = line.at(-1)!.spanId) {
    const children = spans.filter(({ parentSpanId }) => (parentSpanId || undefined) === parent);
    if (children.length !== 1) return line;
    line.push(children[0]!);
  }
}

const attribute = ({ attributes }: OtlpSpan, name: string) =>
  attributes.find(({ key }) => key === name)?.value["stringValue"];

whenStartable(nats, () => {
  describe("one trace over HTTP, NATS and gRPC, exported by OTLP", () => {
    async function three(tracer: Tracer, say: Endpoint): Promise<Endpoint> {
      const broker = await startServer(nats);
      onTestFinished(() => broker[Symbol.asyncDispose]());
      return front(tracer, await middle(tracer, broker.url, await back(tracer, say)));
    }

    it("has a span on either side of each hop, each the child of the one before", async () => {
      const { url, spans } = await collector();
      const provider = exporting(url);
      const say = await three(provider.getTracer("test"), async ({ text: said }) => ({ text: `${said}!` }));
      expect(await say({ text: "hello" }, background)).toEqual({ text: "hello!" });
      await provider.forceFlush();
      const line = lineOf(spans);
      // OTLP's kinds: 2 is a server, 3 a client.
      expect(line.map((span) => [span.name, span.kind, attribute(span, "rpc.system.name")])).toEqual([
        ["front/say", 3, "http"],
        ["front/say", 2, "http"],
        ["middle/say", 3, "nats"],
        ["middle/say", 2, "nats"],
        ["back.Back/Say", 3, "grpc"],
        ["back.Back/Say", 2, "grpc"],
      ]);
      expect([spans.length, new Set(spans.map(({ traceId }) => traceId)).size]).toEqual([6, 1]);
      expect(line.map((span) => attribute(span, "rpc.status_code"))).toEqual(Array(6).fill("OK"));
    });

    it("shows an error on every hop that it crosses", async () => {
      const { url, spans } = await collector();
      const provider = exporting(url);
      const say = await three(provider.getTracer("test"), async () => {
        throw new KitError("failed_precondition", "not today");
      });
      await expect(say({ text: "hello" }, background)).rejects.toThrow("not today");
      await provider.forceFlush();
      const line = lineOf(spans);
      expect(line.map((span) => attribute(span, "error.type"))).toEqual(Array(6).fill("failed_precondition"));
      // It blames the caller: the clients have failed, the servers have not.
      expect(line.map(({ status }) => status.code ?? 0)).toEqual([2, 0, 2, 0, 2, 0]);
      expect(line.map(({ events }) => events.length)).toEqual([1, 0, 1, 0, 1, 0]);
    });

    it("is sampled nowhere if the first does not", async () => {
      const { tracer, spans } = recording({
        sampler: new AlwaysOffSampler(),
      });
      const others = recording();
      const broker = await startServer(nats);
      onTestFinished(() => broker[Symbol.asyncDispose]());
      const below = await middle(others.tracer, broker.url, await back(others.tracer, async (request) => request));
      const say = await front(tracer, below);
      expect(await say({ text: "hello" }, background)).toEqual({ text: "hello" });
      expect([spans(), others.spans()]).toEqual([[], []]);
      await below({ text: "hello" }, background);
      expect(others.spans()).toHaveLength(4);
    });

    it("ends every span when the caller goes away", async () => {
      const { tracer, open, spans } = recording();
      let arrived = (): void => {};
      const begun = new Promise<void>((resolve) => (arrived = resolve));
      const say = await three(tracer, () => {
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
      expect(spans().map(({ attributes }) => attributes["error.type"])).toEqual(Array(6).fill("canceled"));
    });
  });
});

describe("an exporter whose collector", () => {
  it.for([
    ["is not there", undefined],
    ["answers 500", (response: ServerResponse): void => void response.writeHead(500).end()],
    ["answers garbage", (response: ServerResponse): void => void response.end("\0garbage")],
    ["cuts the connection", (response: ServerResponse): void => void response.destroy()],
    ["never answers", () => {}],
  ] as const)("%s fails no call", async ([, answer]) => {
    const standIn = answer && (await collector(answer));
    const provider = exporting(standIn?.url ?? "http://127.0.0.1:9/v1/traces");
    const say = await front(provider.getTracer("test"), async (request) => request);
    for (let i = 0; i < 10; i++) expect(await say({ text: "hello" }, background)).toEqual({ text: "hello" });
    await provider.forceFlush().catch(() => {});
    expect(standIn?.spans.length).not.toBe(0);
    expect(await say({ text: "still" }, background)).toEqual({ text: "still" });
  });
});
