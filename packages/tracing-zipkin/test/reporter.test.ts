import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { model, option, randomTraceId, TraceId } from "zipkin";
import { zipkinReporter, type ZipkinReporterOptions } from "../src/index.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A stand-in for Zipkin, for the faults that a real one cannot be made to show. */
async function standIn(answer: (response: ServerResponse) => void = (response) => void response.writeHead(202).end()) {
  const bodies: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    void text(request).then(
      (body) => {
        bodies.push(body);
        answer(response);
      },
      () => {},
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v2/spans`,
    headers,
    bodies,
    names: () => bodies.flatMap((body) => (JSON.parse(body) as { name: string }[]).map(({ name }) => name)),
  };
}

function spanOf(name: string): model.Span {
  const span = new model.Span(new TraceId({ spanId: randomTraceId(), sampled: new option.Some(true) }));
  span.setName(name);
  return span;
}

/** One that sends only when it is told to. */
function reporterTo(url: string, options: Partial<ZipkinReporterOptions> = {}) {
  const errors: Error[] = [];
  const onError = (error: Error) => void errors.push(error);
  const reporter = zipkinReporter({ url, flushIntervalMs: 3_600_000, onError, ...options });
  onTestFinished(() => reporter.close());
  return { reporter, errors };
}

describe("zipkinReporter", () => {
  it("posts what it was handed as one list of JSON, and nothing where there is nothing", async () => {
    const { url, bodies, headers } = await standIn();
    const { reporter } = reporterTo(url, { headers: { authorization: "Bearer x" } });
    const spans = [spanOf("a"), spanOf("ü")];
    for (const span of spans) reporter.logSpan(span);
    await reporter.flush();
    await reporter.flush();
    expect(bodies.map((body) => JSON.parse(body))).toEqual([
      spans.map(({ traceId, id, name }) => ({ traceId, id, name })),
    ]);
    expect(headers[0]).toMatchObject({ authorization: "Bearer x", "content-type": "application/json" });
  });

  it("sends from time to time, and sooner when there is enough for a body", async () => {
    const { url, names } = await standIn();
    const { reporter } = reporterTo(url, { flushIntervalMs: 10 });
    reporter.logSpan(spanOf("soon"));
    await vi.waitFor(() => expect(names()).toEqual(["soon"]));
    const { reporter: full } = reporterTo(url, { maxBodyBytes: 1000 });
    for (let i = 0; i < 20; i++) full.logSpan(spanOf("full"));
    await vi.waitFor(() => expect(names()).toContain("full"));
  });

  it("makes no body longer than it may be, and drops the span that is", async () => {
    const { url, bodies, names } = await standIn();
    const { reporter } = reporterTo(url, { maxBodyBytes: 1000 });
    reporter.logSpan(spanOf("x".repeat(1000)));
    const all = Array.from({ length: 100 }, (_, i) => `ü${i}`);
    for (const name of all) reporter.logSpan(spanOf(name));
    await reporter.flush();
    expect(names()).toEqual(all);
    expect(Math.max(...bodies.map((body) => Buffer.byteLength(body)))).toBeLessThanOrEqual(1000);
    expect(reporter.dropped).toBe(1);
  });

  it("keeps no more than it may, counts the others, and sends what it kept", async () => {
    let healthy = false;
    const { url, names } = await standIn((response) => void response.writeHead(healthy ? 202 : 503).end());
    const { reporter, errors } = reporterTo(url, { maxQueueBytes: 100_000 });
    const spans = Array.from({ length: 100_000 }, (_, i) => spanOf(`n${i}`));
    for (const span of spans) reporter.logSpan(span);
    await reporter.flush();
    healthy = true;
    await reporter.flush();
    await reporter.flush();
    const sent = new Set(names());
    // Each is some 60 to 100 bytes long.
    expect(sent.size).toBeGreaterThan(1000);
    expect(sent.size).toBeLessThan(2000);
    expect(sent.size + reporter.dropped).toBe(100_000);
    expect(errors.map(({ message }) => message)).toEqual(["zipkinReporter: answered with status 503"]);
  });

  it.for([202, 400])("has room again for what was answered with %i", async (status) => {
    const { url, bodies } = await standIn((response) => void response.writeHead(status).end());
    const { reporter } = reporterTo(url, { maxQueueBytes: 200 });
    for (let i = 0; i < 10; i++) {
      reporter.logSpan(spanOf("a"));
      await reporter.flush();
    }
    expect(bodies).toHaveLength(10);
  });

  it.for([
    ["answers 500", (response: ServerResponse): void => void response.writeHead(500).end()],
    ["answers 429", (response: ServerResponse): void => void response.writeHead(429).end()],
    ["cuts the connection", (response: ServerResponse): void => void response.destroy()],
    ["answers garbage", (response: ServerResponse): void => void response.socket!.end("\0garbage")],
    ["never answers", () => {}],
  ] as const)("sends the same spans again to a Zipkin that %s", async ([, fault]) => {
    let healthy = false;
    const { url, bodies } = await standIn((response) =>
      healthy ? void response.writeHead(202).end() : fault(response),
    );
    const { reporter, errors } = reporterTo(url, { timeoutMs: 200 });
    reporter.logSpan(spanOf("a"));
    await reporter.flush();
    await reporter.flush();
    healthy = true;
    await reporter.flush();
    expect([bodies.length, new Set(bodies).size]).toEqual([3, 1]);
    expect([reporter.dropped, errors.length]).toEqual([0, 1]);
  });

  it.for([400, 403, 413, 301])("drops what is answered with %i, and is told of a next time too", async (status) => {
    let answered = status;
    const { url, bodies } = await standIn(
      (response) => void response.writeHead(answered, { location: "/other" }).end(),
    );
    const { reporter, errors } = reporterTo(url);
    reporter.logSpan(spanOf("a"));
    await reporter.flush();
    await reporter.flush();
    expect([bodies.length, reporter.dropped, errors.length]).toEqual([1, 1, 1]);
    answered = 202;
    reporter.logSpan(spanOf("b"));
    await reporter.flush();
    answered = status;
    reporter.logSpan(spanOf("c"));
    await reporter.flush();
    expect([bodies.length, reporter.dropped, errors.length]).toEqual([3, 2, 2]);
  });

  it("reads no answer that has no end", async () => {
    const { url } = await standIn((response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        response.once("drain", more);
      };
      response.writeHead(202);
      more();
    });
    const { reporter, errors } = reporterTo(url);
    reporter.logSpan(spanOf("a"));
    await reporter.flush();
    expect([reporter.dropped, errors]).toEqual([0, []]);
  });

  it("has one request under way, however slow the other side is", async () => {
    const waiting: ServerResponse[] = [];
    const { url, bodies } = await standIn((response) => void waiting.push(response));
    const { reporter } = reporterTo(url, { flushIntervalMs: 1 });
    reporter.logSpan(spanOf("a"));
    await vi.waitUntil(() => waiting.length === 1);
    reporter.logSpan(spanOf("b"));
    const done = reporter.flush();
    expect(bodies).toHaveLength(1);
    waiting[0]!.writeHead(202).end();
    await vi.waitUntil(() => waiting.length === 2);
    waiting[1]!.writeHead(202).end();
    await done;
    expect(bodies).toHaveLength(2);
  });

  it("sends the rest when it is closed, and takes no more", async () => {
    const { url, names } = await standIn();
    const { reporter } = reporterTo(url);
    reporter.logSpan(spanOf("last"));
    await Promise.all([reporter.close(), reporter.close()]);
    reporter.logSpan(spanOf("late"));
    await reporter.flush();
    expect([names(), reporter.dropped]).toEqual([["last"], 1]);
  });

  it("goes on at close past what is refused", async () => {
    let count = 0;
    const { url, names } = await standIn((response) => void response.writeHead(count++ === 0 ? 400 : 202).end());
    const { reporter } = reporterTo(url, { maxBodyBytes: 100 });
    for (const name of ["a", "b", "c"]) reporter.logSpan(spanOf(name));
    await reporter.close();
    expect([names(), reporter.dropped]).toEqual([["a", "b", "c"], 1]);
  });

  it("waits at close no longer than it may, and says what was lost", async () => {
    const { url } = await standIn(() => {});
    const { reporter, errors } = reporterTo(url, { closeTimeoutMs: 50, timeoutMs: 3_600_000 });
    reporter.logSpan(spanOf("a"));
    reporter.logSpan(spanOf("b"));
    await reporter.close();
    expect(reporter.dropped).toBe(2);
    expect(errors.map(({ message }) => message)).toEqual([
      "zipkinReporter: cannot be reached",
      "zipkinReporter: closed with 2 spans unsent",
    ]);
  });

  it("does not keep the process alive, and a last flush does until it is done", async () => {
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const program = (last: string) => `
      import { ExplicitContext, BatchRecorder, Tracer } from "zipkin";
      import { traced, zipkinReporter } from ${JSON.stringify(entry)};
      const reporter = zipkinReporter({ url: "http://127.0.0.1:1/api/v2/spans", flushIntervalMs: 10 });
      const tracer = new Tracer({ ctxImpl: new ExplicitContext(), recorder: new BatchRecorder({ logger: reporter }) });
      await traced(tracer)(async () => 1)(1, { get() {}, with: () => undefined, onCancel: () => () => {} });
      ${last}`;
    const run = (last: string) =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(last)], {
        cwd: new URL(".", import.meta.url),
      });
    expect((await run("")).stdout).toBe("");
    expect((await run("await reporter.close(); console.log(reporter.dropped);")).stdout).toBe("1\n");
  });

  it.for([
    [{ url: undefined }, "url must be one of http or https without a password"],
    [{ url: "nonsense" }, "url must be one of http or https without a password"],
    [{ url: "ftp://a" }, "url must be one of http or https without a password"],
    [{ url: "http://a:b@c" }, "url must be one of http or https without a password"],
    [{ headers: { token: "a\nb" } }, "headers must be a record of names and values that HTTP can carry"],
    [{ flushIntervalMs: 0 }, "flushIntervalMs must be a positive integer below 2^31, got 0"],
    [{ maxBodyBytes: 0.5 }, "maxBodyBytes must be a positive integer below 2^31, got 0.5"],
    [{ maxQueueBytes: -1 }, "maxQueueBytes must be a positive integer below 2^31, got -1"],
    [{ timeoutMs: 2 ** 31 }, "timeoutMs must be a positive integer below 2^31, got 2147483648"],
    [{ closeTimeoutMs: "1" }, "closeTimeoutMs must be a positive integer below 2^31, got 1"],
  ] as const)("refuses wrong options: %j", ([options, message]) => {
    const given = { url: "http://a", ...options };
    expect(() => zipkinReporter(given as ZipkinReporterOptions)).toThrow(new TypeError(`zipkinReporter: ${message}`));
  });
});
