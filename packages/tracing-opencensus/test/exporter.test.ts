import { background, KitError } from "@kit/endpoint";
import { SpanKind } from "@opencensus/core";
import { ZipkinTraceExporter } from "@opencensus/exporter-zipkin";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { extractTrace, injectTrace, traced } from "../src/index.ts";
import { Message, recording } from "./recording.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A span as Zipkin's API has it, `POST /api/v2/spans`. */
interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly name: string;
  readonly kind: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A stand-in for Zipkin's collector, which takes what is posted and answers so. */
async function collector(answer: (response: ServerResponse) => void) {
  const spans: ZipkinSpan[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    spans.push(...(JSON.parse(Buffer.concat(chunks).toString()) as ZipkinSpan[]));
    answer(response);
  };
  const server = createServer((request, response) => void take(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v2/spans`, spans };
}

/** A client and a server, with OpenCensus's own exporter to that URL, each trace at once. */
function exporting(url: string, failing: boolean) {
  const { tracer } = recording();
  tracer.registerSpanEventListener(new ZipkinTraceExporter({ url, serviceName: "shop", bufferSize: 0 }));
  const served = traced(tracer, { service: "shop", name: "order" })(async () => {
    if (failing) throw new KitError("unavailable", "no milk today");
    return "served";
  });
  const client = traced(tracer, { service: "shop", name: "order", kind: SpanKind.CLIENT })((request, ctx) => {
    const message = new Message();
    injectTrace()(ctx, message);
    return served(request, extractTrace()(background, message));
  });
  return traced(tracer, { name: "buy", kind: SpanKind.UNSPECIFIED })(client);
}

describe("OpenCensus's exporter for Zipkin, whose collector", () => {
  it("takes what it is sent, has each trace with its status", async () => {
    const { url, spans } = await collector((response) => void response.writeHead(202).end());
    await expect(exporting(url, true)({}, background)).rejects.toThrow("no milk today");
    await vi.waitFor(() => expect(spans).toHaveLength(3), { interval: 10, timeout: 30_000 });
    const root = spans.find(({ name }) => name === "buy")!;
    const asked = spans.find(({ kind }) => kind === "CLIENT")!;
    const answered = spans.find(({ name, kind }) => name === "shop/order" && kind === "SERVER")!;
    expect([root.parentId, asked.parentId, answered.parentId]).toEqual([undefined, root.id, asked.id]);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    for (const { tags } of spans) {
      expect(tags).toEqual({ "census.status_code": "14", "census.status_description": "no milk today" });
    }
  });

  it.for([
    ["is not there", undefined],
    ["answers 500", (response: ServerResponse): void => void response.writeHead(500).end()],
    ["answers garbage", (response: ServerResponse): void => void response.end("\0garbage")],
    ["cuts the connection", (response: ServerResponse): void => void response.destroy()],
    ["never answers", () => {}],
  ] as const)("%s, fails no call", async ([, answer]) => {
    const standIn = answer && (await collector(answer));
    const buy = exporting(standIn?.url ?? "http://127.0.0.1:9/api/v2/spans", false);
    for (let i = 0; i < 10; i++) expect(await buy({}, background)).toBe("served");
    await vi.waitFor(() => expect(standIn?.spans.length).not.toBe(0), { interval: 10, timeout: 30_000 });
    expect(await buy({}, background)).toBe("served");
  });
});
