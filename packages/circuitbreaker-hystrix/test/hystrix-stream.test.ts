import { background } from "@kit/endpoint";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Hystrix, hystrix, type HystrixEvent, hystrixStream, type HystrixStream } from "../src/index.ts";

let server: Server | undefined;
beforeEach(() => {
  server = undefined;
});
afterEach(() => server?.close().closeAllConnections());

async function serve(stream: HystrixStream): Promise<string> {
  server = createServer(stream).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hystrix.stream`;
}

async function used(name: string): Promise<Hystrix> {
  const breaker = hystrix({ name, group: "shop", fallback: () => "fallen back" });
  await breaker(async () => {})({}, background);
  await breaker(() => Promise.reject(new Error("failed")))({}, background);
  return breaker;
}

/** As many events as there are in the reports up to `count`, by the rules of server-sent events. */
async function read(body: ReadableStream<Uint8Array>, count: number): Promise<HystrixEvent[]> {
  const events: HystrixEvent[] = [];
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) events.push(JSON.parse(block.replace(/^data: /, "")));
    if (events.length >= count) break;
  }
  return events;
}

describe("hystrixStream", () => {
  it("serves what dashboards read, at once and again, to a Node server's clients", async () => {
    const url = await serve(hystrixStream([await used("orders"), await used("billing")], { intervalMs: 5 }));
    const { headers, body } = await fetch(url);
    expect(headers.get("content-type")).toBe("text/event-stream");
    const events = await read(body!, 8);
    expect(events.slice(0, 8).map(({ type, name }) => [type, name])).toEqual(
      ["orders", "billing", "orders", "billing"].flatMap((name) => [
        ["HystrixCommand", name],
        ["HystrixThreadPool", name],
      ]),
    );
    expect(events[0]).toMatchObject({
      group: "shop",
      requestCount: 2,
      errorCount: 1,
      errorPercentage: 50,
      isCircuitBreakerOpen: false,
      rollingCountSuccess: 1,
      rollingCountFailure: 1,
      rollingCountFallbackSuccess: 1,
      latencyExecute: { 0: expect.any(Number), 99.5: expect.any(Number), 100: expect.any(Number) },
    });
    expect(events[1]).toMatchObject({ currentPoolSize: 10, rollingCountThreadsExecuted: 2 });
  });

  it("serves the same by fetch, and stops when it is cancelled", async () => {
    const stream = hystrixStream([await used("orders")], { intervalMs: 5 });
    const { headers, body } = stream.fetch(new Request("http://any/hystrix.stream"));
    expect(headers.get("content-type")).toBe("text/event-stream");
    expect(await read(body!, 4)).toHaveLength(4);
  });

  it("follows breakers that come", async () => {
    const breakers = new Set<Hystrix>();
    const reports = hystrixStream(breakers, { intervalMs: 1 })[Symbol.asyncIterator]();
    expect((await reports.next()).value).toBe(":\n\n");
    breakers.add(await used("orders"));
    const { value } = await reports.next();
    expect(value).toMatch(/^data: \{"type":"HystrixCommand","name":"orders".*\}\n\ndata: \{.*\}\n\n$/);
    await reports.return?.();
  });

  it("goes on serving others when a client leaves", async () => {
    const url = await serve(hystrixStream([await used("orders")], { intervalMs: 5 }));
    const leaving = new AbortController();
    const left = await fetch(url, { signal: leaving.signal });
    const stays = await fetch(url);
    await left.body!.getReader().read();
    leaving.abort();
    expect((await read(stays.body!, 6)).length).toBeGreaterThanOrEqual(6);
  });

  it.each([0, -1, Number.NaN, Infinity])("refuses an intervalMs of %s by name", (intervalMs) => {
    const message = `hystrixStream: intervalMs must be a positive number, got ${intervalMs}`;
    expect(() => hystrixStream([], { intervalMs })).toThrow(new TypeError(message));
  });
});
