import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { expvarHandler, expvarMetrics } from "../src/index.ts";

const url = "http://127.0.0.1/debug/vars";
const page = '{\n"calls": 2,\n"metrics_refused_total": {},\n"name": "wörld"\n}\n';

function setup() {
  const metrics = expvarMetrics({ vars: { name: () => "wörld" } });
  metrics.counter("calls").add(2);
  return metrics;
}

function failing() {
  const error = new Error("secret reason");
  const metrics = expvarMetrics({
    vars: {
      broken() {
        throw error;
      },
    },
  });
  return { metrics, error };
}

describe("expvarHandler", () => {
  it("listens to a Node server: GET, HEAD, other methods", async () => {
    const server = createServer(expvarHandler(setup())).listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}/debug/vars`;
      const got = await fetch(here);
      expect(got.status).toBe(200);
      expect(got.headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(got.headers.get("content-length")).toBe(String(Buffer.byteLength(page)));
      expect(await got.text()).toBe(page);

      const asked = request(here, { method: "HEAD", agent: false }).end();
      const [head] = await once(asked, "response");
      expect(head.statusCode).toBe(200);
      expect(head.headers["content-length"]).toBe(String(Buffer.byteLength(page)));
      expect(await head.toArray()).toEqual([]);

      const posted = await fetch(here, { method: "POST" });
      expect(posted.status).toBe(405);
      expect(posted.headers.get("allow")).toBe("GET, HEAD");
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("answers a Fetch request the same", async () => {
    const handler = expvarHandler(setup());
    const got = await handler.fetch(new Request(url));
    expect(got.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await got.text()).toBe(page);
    const head = await handler.fetch(new Request(url, { method: "HEAD" }));
    expect(head.status).toBe(200);
    expect(await head.text()).toBe("");
    expect((await handler.fetch(new Request(url, { method: "POST" }))).status).toBe(405);
  });

  it("answers 500 without the reason when a variable throws, and tells onError", async () => {
    const { metrics, error } = failing();
    const onError = vi.fn<(error: unknown) => void>();
    const got = await expvarHandler(metrics, { onError }).fetch(new Request(url));
    expect(got.status).toBe(500);
    expect(await got.text()).toBe("the variables could not be read\n");
    expect(onError.mock.calls).toEqual([[error]]);
    expect((await expvarHandler(metrics).fetch(new Request(url))).status).toBe(500);
  });

  it("does the same for what JSON cannot hold", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const metrics = expvarMetrics({ vars: { big: () => 1n } });
    const got = await expvarHandler(metrics, { onError }).fetch(new Request(url));
    expect(got.status).toBe(500);
    expect(onError.mock.calls).toEqual([[expect.any(TypeError)]]);
  });

  it("breaks the connection off, and no more, when onError throws", async () => {
    const onError = vi.fn<() => void>().mockThrow(new Error("hook"));
    const handler = expvarHandler(failing().metrics, { onError });
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
