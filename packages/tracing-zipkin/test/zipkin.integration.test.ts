import { background } from "@kit/endpoint";
import { type Server, startServer, tcpProxy, whenStartable, zipkin } from "@kit/servers";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { BatchRecorder, ExplicitContext, option, Tracer } from "zipkin";
import {
  spanOf,
  traced,
  withId,
  type ZipkinReporter,
  zipkinReporter,
  type ZipkinReporterOptions,
} from "../src/index.ts";
import { storedTrace } from "./stored-trace.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Calls that are reported there; resolves with their trace. */
function tracing(url: string, options: Partial<ZipkinReporterOptions> = {}) {
  const reporter: ZipkinReporter = zipkinReporter({ url: `${url}/api/v2/spans`, ...options });
  onTestFinished(() => reporter.close());
  const tracer = new Tracer({
    ctxImpl: new ExplicitContext(),
    recorder: new BatchRecorder({ logger: reporter }),
    localServiceName: "Shop",
    traceId128Bit: true,
    defaultTags: { zone: "a" },
  });
  const call = async (calls: number, debug = false): Promise<string> => {
    const root = tracer.createRootId(new option.Some(true), debug);
    const ctx = withId(background, root);
    const order = traced(tracer, { service: "shop", name: "order", kind: "CLIENT", remoteAddress: "10.0.0.7:80" });
    const endpoint = order(async (request: number, below) => {
      spanOf(below)!.annotate("paid");
      return request;
    });
    for (let n = 0; n < calls; n++) expect(await endpoint(n, ctx)).toBe(n);
    return root.traceId;
  };
  return { reporter, call };
}

whenStartable(zipkin, () => {
  describe("zipkinReporter, to Zipkin", () => {
    let server: Server;
    beforeAll(async () => {
      server = await startServer(zipkin);
    });
    afterAll(() => server?.[Symbol.asyncDispose]());

    it("has all of a span there", async () => {
      const { reporter, call } = tracing(server.url);
      const trace = await call(1, true);
      await reporter.flush();
      const spans = await storedTrace(server, trace, 1);
      expect(spans).toEqual([
        {
          traceId: trace,
          parentId: expect.stringMatching(/^[0-9a-f]{16}$/),
          id: expect.stringMatching(/^[0-9a-f]{16}$/),
          kind: "CLIENT",
          name: "shop/order",
          timestamp: expect.any(Number),
          duration: expect.any(Number),
          localEndpoint: { serviceName: "shop" },
          remoteEndpoint: { serviceName: "shop", ipv4: "10.0.0.7", port: 80 },
          annotations: [{ timestamp: expect.any(Number), value: "paid" }],
          tags: { "rpc.method": "shop/order", "rpc.status_code": "OK", zone: "a" },
          debug: true,
        },
      ]);
      expect(Math.abs(spans[0]!.timestamp / 1000 - Date.now())).toBeLessThan(60_000);
    });

    it("has every span of ten thousand", async () => {
      const { reporter, call } = tracing(server.url);
      const trace = await call(10_000);
      await reporter.flush();
      expect(await storedTrace(server, trace, 10_000)).toHaveLength(10_000);
      expect(reporter.dropped).toBe(0);
    });

    it("loses nothing while the server stands still, or is killed and started anew", async () => {
      const own = await startServer(zipkin);
      onTestFinished(() => own[Symbol.asyncDispose]());
      const onError = vi.fn<(error: Error) => void>();
      const { reporter, call } = tracing(own.url, { flushIntervalMs: 20, timeoutMs: 500, onError });
      own.pause();
      const first = await call(100);
      await reporter.flush();
      expect(onError).toHaveBeenCalled();
      own.resume();
      expect(await storedTrace(own, first, 100)).toHaveLength(100);
      await own.kill();
      const second = await call(100);
      await reporter.flush();
      await own.restart();
      expect(await storedTrace(own, second, 100)).toHaveLength(100);
      expect(reporter.dropped).toBe(0);
    });

    it("sends again when the network was cut, or made nonsense of the answers", async () => {
      await using proxy = await tcpProxy(server.port);
      const onError = vi.fn<(error: Error) => void>();
      const url = `http://127.0.0.1:${proxy.port}`;
      const { reporter, call } = tracing(url, { flushIntervalMs: 20, timeoutMs: 500, onError });
      for (const fault of [() => proxy.cut(), () => proxy.garble(), () => proxy.reset()]) {
        fault();
        const trace = await call(10);
        await reporter.flush();
        proxy.heal();
        const spans = await storedTrace(server, trace, 10);
        expect(new Set(spans.map(({ id }) => id)).size).toBe(10);
      }
      expect(onError).toHaveBeenCalled();
      expect(reporter.dropped).toBe(0);
    });
  });
});
