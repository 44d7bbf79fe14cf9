import { background } from "@kit/endpoint";
import jaeger from "jaeger-client";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { traced } from "../src/index.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A stand-in for Jaeger's collector, which takes what is posted and answers so. */
async function collector(answer: (response: ServerResponse) => void) {
  let arrive = (_body: Buffer): void => {};
  const arrived = new Promise<Buffer>((resolve) => (arrive = resolve));
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    arrive(Buffer.concat(chunks));
    answer(response);
  };
  const server = createServer((request, response) => void take(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/traces`, arrived };
}

describe("Jaeger's tracer, whose collector", () => {
  it.for([
    ["takes what it is sent", (response: ServerResponse): void => void response.writeHead(202).end()],
    ["is not there", undefined],
    ["answers 500", (response: ServerResponse): void => void response.writeHead(500).end()],
    ["answers garbage", (response: ServerResponse): void => void response.end("\0garbage")],
    ["cuts the connection", (response: ServerResponse): void => void response.destroy()],
    ["never answers", () => {}],
  ] as const)("%s, fails no call", async ([, answer]) => {
    const standIn = answer && (await collector(answer));
    const collectorEndpoint = standIn?.url ?? "http://127.0.0.1:9/api/traces";
    const tracer = jaeger.initTracer(
      {
        serviceName: "test",
        sampler: { type: "const", param: 1 },
        reporter: { collectorEndpoint, timeoutMs: 500 },
      },
      { logger: { info() {}, error() {} } },
    );
    const onError = vi.fn<(error: unknown) => void>();
    const endpoint = traced(tracer, { service: "shop", name: "order", onError })(async (request: number) => request);
    for (let i = 0; i < 10; i++) expect(await endpoint(i, background)).toBe(i);
    // It waits for one that never answers until the connection is gone.
    const closed = new Promise<void>((resolve) => tracer.close(resolve));
    expect((await (standIn?.arrived ?? closed))?.includes("shop/order")).not.toBe(false);
    expect(await endpoint(10, background)).toBe(10);
    expect(onError).not.toHaveBeenCalled();
  });
});
