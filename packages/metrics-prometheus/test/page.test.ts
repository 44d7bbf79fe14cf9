import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import {
  Counter,
  Gauge,
  Histogram,
  openMetricsContentType,
  type OpenMetricsContentType,
  prometheusContentType,
  Registry,
} from "prom-client";
import { describe, expect, it, vi } from "vitest";
import { metricsPage, prometheusHandler } from "../src/index.ts";

const url = "http://127.0.0.1/metrics";

function setup() {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(openMetricsContentType);
  const calls = new Counter({ name: "calls_total", help: "help", registers: [] });
  const bare = new Counter({ name: "bare", help: "help", registers: [] });
  calls.inc(2);
  bare.inc(3);
  registry.registerMetric(calls);
  registry.registerMetric(bare);
  return registry;
}

const text = expect.stringMatching(/\ncalls_total 2\n/);
const openMetrics = expect.stringMatching(/# TYPE calls counter\ncalls_total 2\n[^]*# EOF\n$/);

describe("metricsPage", () => {
  it("writes a registry in its own format unless an Accept header says otherwise", async () => {
    const registry = setup();
    expect(await metricsPage(registry)).toEqual({ contentType: openMetricsContentType, body: openMetrics });
    expect(await metricsPage(registry, "text/plain")).toEqual({ contentType: prometheusContentType, body: text });
    expect(await metricsPage(new Registry())).toEqual({ contentType: prometheusContentType, body: "\n" });
  });

  it.each([
    // Prometheus 2 and 3
    [
      true,
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    ],
    [
      true,
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.2",
    ],
    [true, "Application/OpenMetrics-Text"],
    [true, "text/plain;q=0.5 , application/openmetrics-text; q=0.5"],
    [false, "text/plain, application/openmetrics-text;q=0.9"],
    [false, "application/openmetrics-text;q=0"],
    [false, "application/openmetrics-text;q=x"],
    [false, "text/html,*/*;q=0.8"],
    [false, ""],
    [false, ",;,;;="],
  ])("answers OpenMetrics: %s, to %s", async (wanted, accept) => {
    const registry = setup();
    const { contentType, body } = await metricsPage(registry, accept);
    expect(contentType).toBe(wanted ? openMetricsContentType : prometheusContentType);
    expect(body).toEqual(wanted ? openMetrics : text);
  });

  it("never writes a text registry as OpenMetrics, which would rename counters", async () => {
    const registry = new Registry();
    new Counter({ name: "bare", help: "help", registers: [registry] }).inc();
    const { contentType, body } = await metricsPage(registry, "application/openmetrics-text");
    expect(contentType).toBe(prometheusContentType);
    expect(body).toContain("\nbare 1\n");
  });

  it("keeps pages in different formats apart, at the same time and one after the other", async () => {
    const registry = setup();
    const accepts = ["text/plain", "application/openmetrics-text"];
    for (let i = 0; i < 2; i++) {
      const [plain, open] = await Promise.all(accepts.map((accept) => metricsPage(registry, accept)));
      expect(plain!.body).toEqual(text);
      expect(plain!.body).toContain("\nbare 3\n");
      expect(open!.body).toEqual(openMetrics);
    }
    expect(registry.contentType).toBe(openMetricsContentType);
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(["calls_total", "bare"]);
  });

  it("knows a counter's name when the registry was written without it before", async () => {
    const registry = setup();
    await registry.metrics();
    expect((await metricsPage(registry, "text/plain")).body).toEqual(text);
  });

  it("lets metrics collect themselves, a reset included, and has the registry's default labels", async () => {
    const registry = setup();
    let round = 0;
    const queue: Gauge = new Gauge({
      name: "queue",
      help: "help",
      labelNames: ["name"],
      registers: [],
      async collect() {
        await Promise.resolve();
        this.reset();
        queue.set({ name: `q${++round}` }, round);
      },
    });
    const sizes = new Histogram({
      name: "sizes",
      help: "help",
      buckets: [1],
      registers: [],
      collect() {
        this.observe(1);
      },
    });
    registry.registerMetric(queue);
    registry.registerMetric(sizes);
    registry.setDefaultLabels({ zone: "eu" });
    await metricsPage(registry);
    const { body } = await metricsPage(registry, "text/plain");
    expect(body).toContain('\nqueue{name="q2",zone="eu"} 2\n');
    expect(body).not.toContain("q1");
    expect(body).toContain('\nsizes_count{zone="eu"} 2\n');
  });
});

function failing() {
  const registry = setup();
  const error = new Error("secret reason");
  const broken = new Gauge({
    name: "broken",
    help: "help",
    registers: [],
    collect() {
      throw error;
    },
  });
  registry.registerMetric(broken);
  return { registry, error };
}

describe("prometheusHandler", () => {
  it("listens to a Node server: GET, HEAD, other methods", async () => {
    const server = createServer(prometheusHandler(setup())).listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
      const got = await fetch(here, { headers: { accept: "application/openmetrics-text" } });
      const body = await got.text();
      expect(body).toEqual(openMetrics);
      expect(got.headers.get("content-type")).toBe(openMetricsContentType);
      expect(got.headers.get("content-length")).toBe(String(Buffer.byteLength(body)));
      expect(await (await fetch(here)).text()).toEqual(text);

      const head = await fetch(here, { method: "HEAD", headers: { accept: "application/openmetrics-text" } });
      expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([
        200,
        String(Buffer.byteLength(body)),
        "",
      ]);
      const post = await fetch(here, { method: "POST", body: "x" });
      expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    } finally {
      server.close();
    }
  });

  it("answers fetch-style requests", async () => {
    const handler = prometheusHandler(setup());
    const got = await handler.fetch(new Request(url));
    expect([got.status, got.headers.get("content-type"), await got.text()]).toEqual([200, prometheusContentType, text]);
    expect(got.headers.get("vary")).toBe("accept, accept-encoding");
    const open = await handler.fetch(new Request(url, { headers: { accept: "application/openmetrics-text" } }));
    expect([open.headers.get("content-type"), await open.text()]).toEqual([openMetricsContentType, openMetrics]);
    expect(await (await handler.fetch(new Request(url, { method: "HEAD" }))).text()).toBe("");
    const post = await handler.fetch(new Request(url, { method: "POST" }));
    expect([post.status, post.headers.get("allow"), await post.text()]).toEqual([405, "GET, HEAD", ""]);
  });

  it.each([
    [true, "gzip"],
    [true, "deflate, GZIP;q=0.5"],
    [false, "gzip;q=0"],
    [false, "br, deflate"],
    [false, "*"],
    [false, ""],
  ])("zips a large page: %s, for %s", async (wanted, encodings) => {
    const registry = setup();
    const sizes = new Histogram({ name: "sizes", help: "help".repeat(400), registers: [] });
    sizes.observe(1);
    registry.registerMetric(sizes);
    const server = createServer(prometheusHandler(registry)).listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      const ask = async (method: string) => {
        const { port } = server.address() as AddressInfo;
        const asked = request({ port, host: "127.0.0.1", method, headers: { "accept-encoding": encodings } }).end();
        const [response] = (await once(asked, "response")) as [IncomingMessage];
        return { headers: response.headers, body: Buffer.concat(await response.toArray()) };
      };
      const { headers, body } = await ask("GET");
      expect(headers["content-encoding"]).toBe(wanted ? "gzip" : undefined);
      expect(headers["content-length"]).toBe(String(body.length));
      expect((wanted ? gunzipSync(body) : body).toString()).toContain("\nsizes_count 1\n");
      const head = await ask("HEAD");
      expect([head.headers["content-length"], head.body.length]).toEqual([String(body.length), 0]);
    } finally {
      server.close();
    }
  });

  it("leaves a page as it is that fits into one packet", async () => {
    const got = await prometheusHandler(setup()).fetch(new Request(url, { headers: { "accept-encoding": "gzip" } }));
    expect([got.headers.get("content-encoding"), await got.text()]).toEqual([null, text]);
  });

  it("answers 500 without the reason when a metric cannot be collected, and tells onError", async () => {
    const { registry, error } = failing();
    const onError = vi.fn<(error: unknown) => void>();
    const got = await prometheusHandler(registry, { onError }).fetch(new Request(url));
    expect([got.status, await got.text()]).toEqual([500, "the metrics could not be collected\n"]);
    expect(onError.mock.calls).toEqual([[error]]);
    expect((await prometheusHandler(registry).fetch(new Request(url))).status).toBe(500);
  });

  it("breaks the connection off, and no more, when onError throws", async () => {
    const onError = vi.fn<() => void>().mockThrow(new Error("hook"));
    const handler = prometheusHandler(failing().registry, { onError });
    const server = createServer(handler).listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const [error] = await once(request({ port, host: "127.0.0.1" }).end(), "error").catch((thrown: unknown) => [
        thrown,
      ]);
      expect(error).toMatchObject({ code: "ECONNRESET" });
    } finally {
      server.close();
    }
    await expect(handler.fetch(new Request(url))).rejects.toThrow("hook");
  });
});
