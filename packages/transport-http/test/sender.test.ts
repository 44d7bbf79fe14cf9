import { background, KitError } from "@kit/endpoint";
import { defineService } from "@kit/service";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { connectHttp, fetchSender, httpClient, type HttpSender, undiciSender } from "../src/index.ts";
import { lying, portOf, serving } from "./serving.ts";

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
}

/** A server whose answers wait until the test gives them. */
async function slow() {
  const waiting: { message: IncomingMessage; response: ServerResponse }[] = [];
  const sockets = new Set<unknown>();
  const { server, url } = await serving((message, response) => void waiting.push({ message, response }));
  server.on("connection", (socket) => sockets.add(socket));
  const asked = (count: number): Promise<boolean> =>
    vi.waitUntil(() => waiting.length >= count, { timeout: 5_000, interval: 1 });
  return { url, waiting, sockets, asked };
}

function failure(call: Promise<unknown>): Promise<KitError> {
  return call.then(
    (value) => {
      throw new Error(`resolved: ${JSON.stringify(value)}`);
    },
    (error: KitError) => error,
  );
}

describe("a URL that is none", () => {
  it.each([["localhost:8080"], [""], ["ftp://test"], ["//test"], ["http://"], ["http://a b"]])(
    "is refused: %j",
    (url) => {
      const message = (where: string) => new TypeError(`${where}: not an http or https URL: "${url}"`);
      expect(() => undiciSender({ origin: url })).toThrow(message("undiciSender"));
      expect(() => fetchSender({ origin: url })).toThrow(message("fetchSender"));
      expect(() => httpClient({ url })).toThrow(TypeError);
      expect(() => connectHttp(defineService("empty", {}), { url })).toThrow(TypeError);
    },
  );

  it("is taken as a URL object, too", () => {
    expect(() => undiciSender({ origin: new URL("https://test/path") })).not.toThrow();
  });
});

describe("undiciSender", () => {
  it("says unavailable, not sent, when nobody listens", async () => {
    await using client = httpClient({ url: `http://127.0.0.1:${await deadPort()}` });
    const error = await failure(client({}, background));
    expect(error).toMatchObject({ code: "unavailable", notSent: true, message: "http: cannot connect (ECONNREFUSED)" });
    expect(error.cause).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("says unavailable, not sent, when the name is not known", async () => {
    await using client = httpClient({ url: "http://nobody.invalid" });
    const error = await failure(client({}, background));
    expect(error).toMatchObject({ code: "unavailable", notSent: true });
    expect(error.message).toMatch(/^http: cannot connect \((ENOTFOUND|EAI_AGAIN)\)$/);
  });

  it("says unavailable, not sent, when connecting takes too long", async () => {
    // Connects, but is never heard of again: the TLS handshake is part of connecting.
    const { port } = await lying(() => {});
    const url = `https://127.0.0.1:${port}`;
    await using sender = undiciSender({ origin: url, connectTimeoutMs: 100 });
    expect(await failure(httpClient({ url, sender })({}, background))).toMatchObject({
      code: "unavailable",
      notSent: true,
      message: "http: cannot connect (UND_ERR_CONNECT_TIMEOUT)",
    });
  });

  it("says unavailable, not sent, when the server cannot be trusted", async () => {
    const { port } = await lying((socket) => void socket.end("not TLS at all"));
    await using client = httpClient({ url: `https://127.0.0.1:${port}` });
    expect(await failure(client({}, background))).toMatchObject({ code: "unavailable", notSent: true });
  });

  it("says unavailable, but not that nothing was sent, when the connection breaks", async () => {
    const { url, waiting, asked } = await slow();
    await using client = httpClient({ url });
    const call = failure(client({}, background));
    await asked(1);
    waiting[0]!.message.socket.destroy();
    const error = await call;
    expect(error).toMatchObject({ code: "unavailable", message: expect.stringMatching(/^http: the connection broke/) });
    expect(error).not.toHaveProperty("notSent");
  });

  it("sends a call once, also when its connection has just been closed", async () => {
    const { url, waiting, asked } = await slow();
    await using sender = undiciSender({ origin: url, connections: 1 });
    const client = httpClient({ url, sender });
    const first = client({}, background);
    await asked(1);
    waiting[0]!.response.end("1");
    expect(await first).toBe(1);
    waiting[0]!.message.socket.destroy();
    const second = client({}, background).catch((error: KitError) => error.code);
    const answered = asked(2).then(() => waiting[1]!.response.end("2"));
    expect([2, "unavailable"]).toContain(await Promise.race([second, answered.then(() => second)]));
    expect(waiting.length).toBeLessThanOrEqual(2);
  });

  it("uses a connection again", async () => {
    const { url, waiting, sockets, asked } = await slow();
    await using client = httpClient({ url });
    for (let n = 0; n < 5; n++) {
      const call = client({}, background);
      await asked(n + 1);
      waiting[n]!.response.end(String(n));
      expect(await call).toBe(n);
    }
    // undici lets a connection rest for one turn of the loop, in which a second may be made.
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it("makes no more connections than it may, and lets calls wait for one", async () => {
    const { url, waiting, sockets, asked } = await slow();
    await using sender = undiciSender({ origin: url, connections: 2 });
    const client = httpClient({ url, sender });
    const calls = [1, 2, 3, 4].map(() => client({}, background));
    await asked(2);
    waiting[0]!.response.end("1");
    waiting[1]!.response.end("1");
    await asked(4);
    waiting[2]!.response.end("1");
    waiting[3]!.response.end("1");
    expect(await Promise.all(calls)).toEqual([1, 1, 1, 1]);
    expect(sockets.size).toBe(2);
  });

  it("makes none before the first call", async () => {
    const { url, sockets } = await slow();
    const client = httpClient({ url });
    await new Promise(setImmediate);
    expect(sockets.size).toBe(0);
    await client[Symbol.asyncDispose]();
  });

  it.each(["unused", "used"])("refuses calls, not sent, once closed: %s", async (state) => {
    const { url, waiting, asked } = await slow();
    const sender = undiciSender({ origin: url });
    const client = httpClient({ url, sender });
    if (state === "used") {
      const call = client({}, background);
      await asked(1);
      waiting[0]!.response.end("1");
      await call;
    }
    await Promise.all([sender.close(), sender.close()]);
    await sender[Symbol.asyncDispose]();
    expect(await failure(client({}, background))).toMatchObject({
      code: "unavailable",
      notSent: true,
      message: "http: the client is closed",
    });
  });

  it("ends what is under way when it is closed, and tells what was not sent", async () => {
    const { url, asked, waiting } = await slow();
    const sender = undiciSender({ origin: url, connections: 1 });
    const client = httpClient({ url, sender });
    const [sent, queued] = [failure(client({}, background)), failure(client({}, background))];
    await asked(1);
    const closed = once(waiting[0]!.message.socket, "close");
    await sender.close();
    expect(await sent).toMatchObject({ code: "unavailable" });
    expect(await sent).not.toHaveProperty("notSent");
    expect(await queued).toMatchObject({ code: "unavailable", notSent: true });
    await closed;
  });
});

describe("a call that is cancelled", () => {
  const cause = new KitError("aborted", "not wanted any more");

  it("before it can connect rejects at once and sends nothing", async () => {
    const { port } = await lying(() => {});
    const url = `https://127.0.0.1:${port}`;
    await using sender = undiciSender({ origin: url });
    const ctx = background.withCancel();
    const call = failure(httpClient({ url, sender })({}, ctx));
    await new Promise(setImmediate);
    ctx.cancel(cause);
    expect(await call).toBe(cause);
  });

  it("while it waits for a connection rejects at once and is never sent", async () => {
    const { url, waiting, asked } = await slow();
    await using sender = undiciSender({ origin: url, connections: 1 });
    const client = httpClient({ url, sender, encode: (path: string, message) => void (message.path = path) });
    const first = client("/first", background);
    await asked(1);
    const ctx = background.withCancel();
    const queued = failure(client("/queued", ctx));
    const last = client("/last", background);
    ctx.cancel(cause);
    expect(await queued).toBe(cause);
    waiting[0]!.response.end("1");
    expect(await first).toBe(1);
    await asked(2);
    waiting[1]!.response.end("2");
    expect(await last).toBe(2);
    expect(waiting.map(({ message }) => message.url)).toEqual(["/first", "/last"]);
  });

  it.each([
    ["undici", (origin: string): HttpSender => undiciSender({ origin })],
    ["fetch", (origin: string): HttpSender => fetchSender({ origin })],
  ])("while it is answered closes its connection, and no other: %s", async (_, make) => {
    const { url, waiting, asked } = await slow();
    await using sender = make(url);
    const client = httpClient({ url, sender });
    const ctx = background.withCancel();
    const other = client({}, background);
    await asked(1);
    const call = failure(client({}, ctx));
    await asked(2);
    const closed = once(waiting[1]!.message.socket, "close");
    ctx.cancel(cause);
    expect(await call).toBe(cause);
    await closed;
    waiting[0]!.response.end("1");
    expect(await other).toBe(1);
  });

  it.each([
    ["undici", (origin: string): HttpSender => undiciSender({ origin })],
    ["fetch", (origin: string): HttpSender => fetchSender({ origin })],
  ])("in the middle of its body lets go of what the body came from: %s", async (_, make) => {
    const { url, asked } = await slow();
    await using sender = make(url);
    let released!: () => void;
    const done = new Promise<void>((resolve) => (released = resolve));
    const ctx = background.withCancel();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(16_384);
      } finally {
        released();
      }
    };
    const call = failure(httpClient({ url, sender, encode: (__, message) => void (message.body = body()) })({}, ctx));
    await asked(1);
    ctx.cancel(cause);
    expect(await call).toBe(cause);
    await done;
  });

  it("is not told from one that came to its end first", async () => {
    const { url, waiting, asked } = await slow();
    await using client = httpClient({ url });
    const ctx = background.withCancel();
    const call = client({}, ctx);
    await asked(1);
    waiting[0]!.response.end("1");
    expect(await call).toBe(1);
    ctx.cancel(cause);
    expect(await Promise.all([client({}, background), asked(2).then(() => waiting[1]!.response.end("2"))])).toEqual([
      2,
      waiting[1]!.response,
    ]);
  });
});

describe("a sender that clients share", () => {
  it.each([
    ["undici", (origin: string): HttpSender => undiciSender({ origin })],
    ["fetch", (origin: string): HttpSender => fetchSender({ origin })],
  ])("is not closed with one of them: %s", async (_, make) => {
    const { url } = await serving((message, response) => response.end(JSON.stringify(message.url)));
    await using sender = make(url);
    const one = httpClient({ url: `${url}/one`, sender });
    const contract = { request: z.any(), response: z.any(), http: "GET /two" };
    const two = connectHttp(defineService("two", { two: contract }), { url, sender });
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    expect([await one({}, background), await two.two({}, background)]).toEqual(["/one", "/two"]);
  });

  it("is made for a client that is given none, and closed with it", async () => {
    const { url } = await serving((_, response) => response.end("1"));
    const one = httpClient({ url });
    const two = connectHttp(defineService("two", { two: { request: z.any(), response: z.any() } }), { url });
    expect([await one({}, background), await two.two({}, background)]).toEqual([1, 1]);
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    expect(await failure(one({}, background))).toMatchObject({ code: "unavailable", notSent: true });
    expect(await failure(two.two({}, background))).toMatchObject({ code: "unavailable", notSent: true });
  });
});

describe("fetchSender", () => {
  it("says unavailable when fetch fails, and not whether anything was sent", async () => {
    const url = `http://127.0.0.1:${await deadPort()}`;
    const error = await failure(httpClient({ url, sender: fetchSender({ origin: url }) })({}, background));
    expect(error).toMatchObject({ code: "unavailable", message: "http: the request failed" });
    expect(error).not.toHaveProperty("notSent");
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  it("refuses calls once closed, and ends what is under way", async () => {
    const { url, asked } = await slow();
    const sender = fetchSender({ origin: url });
    const client = httpClient({ url, sender });
    const call = failure(client({}, background));
    await asked(1);
    await sender.close();
    await sender.close();
    expect(await call).toMatchObject({ code: "unavailable", message: "http: the client was closed" });
    expect(await failure(client({}, background))).toMatchObject({ code: "unavailable", notSent: true });
  });

  it("lets go of the call's context when the call is over", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      let during = 0;
      const fetch = async (): Promise<Response> => {
        // A context with a deadline holds a timer while somebody listens.
        during = vi.getTimerCount();
        return new Response("1");
      };
      const client = httpClient({ url: "http://test", sender: fetchSender({ origin: "http://test", fetch }) });
      await client({}, background.withTimeout(60_000));
      expect([during, vi.getTimerCount()]).toEqual([1, 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("hands a handler's fetch whole requests", async () => {
    const fetch = vi.fn<(request: Request) => Promise<Response>>(async () => new Response("{}"));
    const sender = fetchSender({ origin: "http://test:81/ignored", fetch });
    await httpClient({ url: "http://elsewhere/a?b=c", method: "PUT", sender, headers: { "x-a": ["1", "2"] } })(
      { n: 1 },
      background,
    );
    const [sent] = fetch.mock.lastCall!;
    expect([sent.url, sent.method, sent.headers.get("x-a")]).toEqual(["http://test:81/a?b=c", "PUT", "1, 2"]);
    expect(await sent.json()).toEqual({ n: 1 });
  });
});
