import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { background, type Endpoint, KitError } from "@kit/endpoint";
import { nats, type Server as Started, startServer, whenStartable, zipkin } from "@kit/servers";
import { defineService, implement } from "@kit/service";
import { grpcClient, grpcHandler } from "@kit/transport-grpc";
import { connectHttp, serveHttp } from "@kit/transport-http";
import { connectNats, serveNats } from "@kit/transport-nats";
import { connect } from "@nats-io/transport-node";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { BatchRecorder, ExplicitContext, sampler, Tracer } from "zipkin";
import { extractTrace, injectTrace, traced, withId, zipkinReporter } from "../src/index.ts";
import { recording } from "./recording.ts";
import { type StoredSpan, storedTrace } from "./stored-trace.ts";

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
  return traced(tracer, { service: "back.Back", name: "Say", transport: "grpc", kind: "CLIENT" })(made);
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
  return traced(tracer, { ...Middle.methods.say, transport: "nats", kind: "CLIENT" })(made.say);
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
  return traced(tracer, { ...Front.methods.say, transport: "http", kind: "CLIENT" })(made.say);
}

whenStartable(zipkin, () => {
  whenStartable(nats, () => {
    let collector: Started;
    let broker: Started;
    beforeAll(async () => {
      [collector, broker] = await Promise.all([startServer(zipkin), startServer(nats)]);
    });
    afterAll(async () => {
      await collector?.[Symbol.asyncDispose]();
      await broker?.[Symbol.asyncDispose]();
    });

    const three = async (tracer: Tracer, say: Endpoint): Promise<Endpoint> =>
      front(tracer, await middle(tracer, broker.url, await back(tracer, say)));

    /** A call over all three, whose spans Zipkin has. */
    async function trace(say: Endpoint): Promise<readonly StoredSpan[]> {
      await using reporter = zipkinReporter({ url: `${collector.url}/api/v2/spans` });
      const tracer = new Tracer({
        ctxImpl: new ExplicitContext(),
        recorder: new BatchRecorder({ logger: reporter }),
        localServiceName: "test",
      });
      const root = tracer.createRootId();
      const call = await three(tracer, say);
      await call({ text: "hello" }, withId(background, root)).catch(() => {});
      await reporter.flush();
      return storedTrace(collector, root.traceId, 6);
    }

    describe("one trace over HTTP, NATS and gRPC, reported to Zipkin", () => {
      it("has one span for each hop, seen from both sides, each the child of the one before", async () => {
        const spans = await trace(async ({ text: said }) => ({ text: `${said}!` }));
        expect(
          spans.map(({ name, kind, shared = false, tags = {} }) => [name, kind, shared, tags["rpc.system.name"]]),
        ).toEqual([
          ["front/say", "CLIENT", false, "http"],
          ["front/say", "SERVER", true, "http"],
          ["middle/say", "CLIENT", false, "nats"],
          ["middle/say", "SERVER", true, "nats"],
          ["back.back/say", "CLIENT", false, "grpc"],
          ["back.back/say", "SERVER", true, "grpc"],
        ]);
        const [first, second, third] = [0, 2, 4].map((at) => spans[at]!.id);
        expect(spans.map(({ id }) => id)).toEqual([first, first, second, second, third, third]);
        expect(spans.slice(2).map(({ parentId }) => parentId)).toEqual([first, first, second, second]);
        expect(spans.map(({ tags }) => tags?.["rpc.status_code"])).toEqual(Array(6).fill("OK"));
      });

      it("shows an error on every hop that it crosses", async () => {
        const spans = await trace(async () => {
          throw new KitError("failed_precondition", "not today");
        });
        expect(spans.map(({ tags }) => tags?.["error"])).toEqual(Array(6).fill("not today"));
        expect(spans.map(({ tags }) => tags?.["error.type"])).toEqual(Array(6).fill("failed_precondition"));
      });
    });

    it("is sampled nowhere if the first does not", async () => {
      const { tracer, spans } = recording({ sampler: new sampler.Sampler(sampler.neverSample) });
      const others = recording();
      const below = await middle(others.tracer, broker.url, await back(others.tracer, async (request) => request));
      const say = await front(tracer, below);
      expect(await say({ text: "hello" }, background)).toEqual({ text: "hello" });
      expect([spans(), others.spans()]).toEqual([[], []]);
      await below({ text: "hello" }, background);
      expect(others.spans()).toHaveLength(4);
    });

    it("ends every span when the caller goes away", async () => {
      const { tracer, spans } = recording();
      let arrived = (): void => {};
      const begun = new Promise<void>((resolve) => (arrived = resolve));
      const say = await three(tracer, () => {
        arrived();
        return new Promise(() => {});
      });
      using ctx = background.withCancel();
      const call = say({ text: "hello" }, ctx);
      await begun;
      expect(spans()).toHaveLength(0);
      ctx.cancel();
      await expect(call).rejects.toThrow("context canceled");
      await vi.waitFor(() => expect(spans()).toHaveLength(6), { interval: 10, timeout: 30_000 });
      expect(spans().map(({ tags }) => tags["error.type"])).toEqual(Array(6).fill("canceled"));
    });
  });
});
