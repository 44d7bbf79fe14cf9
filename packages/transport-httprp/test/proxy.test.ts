import { once } from "node:events";
import { createServer, request as send, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { codeOf, contextKey, KitError } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { httprpHandler } from "../src/index.ts";
import { lying, proxying, serving } from "./serving.ts";

/** An origin that tells what it was sent. */
const mirror = (): Promise<string> =>
  serving((request, response) => {
    void text(request).then((body) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
    });
  });

interface Mirrored {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Through Node's client, which sends any header that it is told to. */
async function asked(url: string, options: object = {}, body?: string) {
  const request = send(url, options).end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}

const mirrored = async (...args: Parameters<typeof asked>): Promise<Mirrored> =>
  JSON.parse((await asked(...args)).text);

describe("go-kit's proxy", () => {
  it("TestServerHappyPathSingleServer", async () => {
    const origin = await serving((_, response) => response.end("hey"));
    expect(await asked(await proxying({ origin }))).toMatchObject({ status: 200, text: "hey" });
  });

  it("TestServerHappyPathSingleServerWithServerOptions, TestMultipleServerBefore: hooks change what the origin sees", async () => {
    const tenant = contextKey<string>("@kit/transport-httprp/test/tenant");
    const origin = await mirror();
    const url = await proxying({
      origin: (request, ctx) => {
        request.headers["x-tenant"] = ctx.get(tenant);
        return origin;
      },
      before: [
        (ctx, request) => {
          request.headers["x-test-header"] = "go-kit-proxy";
          request.url = `/v1${request.url}`;
          return ctx.with(tenant, "acme");
        },
        (_ctx, request) => void (request.headers["x-method"] = `${request.method} ${request.header("x-test-header")}`),
      ],
    });
    expect(await mirrored(`${url}/a?b=c`)).toMatchObject({
      url: "/v1/a?b=c",
      headers: { "x-test-header": "go-kit-proxy", "x-method": "GET go-kit-proxy", "x-tenant": "acme" },
    });
  });

  it("TestServerOriginServerNotFoundResponse", async () => {
    const origin = await serving((_, response) => response.writeHead(404).end("nothing"));
    expect(await asked(await proxying({ origin }))).toMatchObject({ status: 404, text: "nothing" });
  });

  it("TestServerOriginServerUnreachable", async () => {
    const told: unknown[] = [];
    const url = await proxying({ origin: "http://127.0.0.1:1", onError: (error) => void told.push(codeOf(error)) });
    const { status, text: body } = await asked(url);
    expect([status, JSON.parse(body)]).toEqual([502, { code: "unavailable", message: "the origin cannot be reached" }]);
    expect(told).toEqual(["unavailable"]);
  });
});

describe("headers", () => {
  it("of one connection go no further, nor do those that it names", async () => {
    const origin = await serving((request, response) => {
      response.writeHead(200, {
        connection: "x-private",
        "x-private": "1",
        "keep-alive": "timeout=99",
        "proxy-authenticate": "Basic",
        "x-public": "1",
      });
      response.end(JSON.stringify(request.headers));
    });
    const reply = await asked(await proxying({ origin }), {
      headers: {
        connection: "keep-alive, x-secret, host",
        "keep-alive": "timeout=5",
        "x-secret": "1",
        "proxy-authorization": "Basic abc",
        te: "gzip",
        upgrade: "h2c",
        "http2-settings": "AAMAAABk",
        "x-public": "1",
      },
    });
    const seen = JSON.parse(reply.text);
    for (const name of ["keep-alive", "x-secret", "proxy-authorization", "te", "upgrade", "http2-settings"]) {
      expect(seen, name).not.toHaveProperty(name);
    }
    expect(seen).toMatchObject({ "x-public": "1", host: expect.stringContaining("127.0.0.1") });
    expect(reply.headers).toMatchObject({ "x-public": "1" });
    expect(reply.headers).not.toHaveProperty("x-private");
    expect(reply.headers).not.toHaveProperty("proxy-authenticate");
    expect(reply.headers["keep-alive"]).not.toBe("timeout=99");
  });

  it("say who asked, and a stranger cannot make that up", async () => {
    const origin = await mirror();
    const spoofed = {
      "x-forwarded-for": "1.2.3.4",
      "x-forwarded-proto": "https",
      forwarded: "for=1.2.3.4",
      "x-real-ip": "1.2.3.4",
    };
    const strict = await proxying({ origin });
    const { headers } = await mirrored(strict, { headers: { ...spoofed, host: "shop.example" } });
    expect(headers).toMatchObject({
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-host": "shop.example",
      "x-forwarded-proto": "http",
      host: "shop.example",
    });
    expect(headers).not.toHaveProperty("forwarded");
    expect(headers).not.toHaveProperty("x-real-ip");
    const trusting = await mirrored(await proxying({ origin, trustForwarded: true }), { headers: spoofed });
    expect(trusting.headers).toMatchObject({ "x-forwarded-for": "1.2.3.4, 127.0.0.1", "x-forwarded-proto": "https" });
  });

  it("name the origin where that is wanted", async () => {
    const origin = await mirror();
    const { headers } = await mirrored(await proxying({ origin, changeHost: true }), {
      headers: { host: "shop.example" },
    });
    expect(`http://${headers.host}`).toBe(origin);
  });

  it("close the caller's connection if it wants that, and not the origin's", async () => {
    const origin = await mirror();
    const reply = await asked(await proxying({ origin }), { headers: { connection: "close" } });
    expect(reply.headers.connection).toBe("close");
    expect(JSON.parse(reply.text).headers.connection).toBe("keep-alive");
  });
});

describe("bodies", () => {
  it("come framed as they were, whatever the method", async () => {
    const url = await proxying({ origin: await mirror() });
    for (const method of ["POST", "PUT", "DELETE", "GET"]) {
      const length = await mirrored(url, { method, headers: { "content-length": "5" } }, "hello");
      expect(length, method).toMatchObject({ method, body: "hello" });
      const chunked = await mirrored(url, { method, headers: { "transfer-encoding": "chunked" } }, "hello");
      expect(chunked, method).toMatchObject({ method, body: "hello" });
    }
  });

  it("stream both ways at once", async () => {
    const origin = await serving((request, response) => void request.pipe(response));
    const request = send(await proxying({ origin }), { method: "POST" });
    request.write("one");
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const chunks = response.iterator({ destroyOnReturn: false });
    expect(String((await chunks.next()).value)).toBe("one");
    request.end("two");
    expect(String((await chunks.next()).value)).toBe("two");
    expect((await chunks.next()).done).toBe(true);
  });

  it("of many megabytes arrive whole", async () => {
    const origin = await serving((request, response) => void request.pipe(response));
    const body = "0123456789abcdef".repeat(1_000_000);
    const reply = await fetch(await proxying({ origin }), { method: "POST", body });
    expect((await reply.text()) === body).toBe(true);
  });
});

describe("faults", () => {
  it("of an origin that does not answer are 504", async () => {
    const origin = await lying(() => {});
    const { status, text: body } = await asked(await proxying({ origin, timeoutMs: 100 }));
    expect([status, JSON.parse(body).code]).toEqual([504, "deadline_exceeded"]);
  });

  it("of requests that wait for a connection are 504 as well", async () => {
    const origin = await lying(() => {});
    const url = await proxying({ origin, timeoutMs: 200, connections: 1 });
    const replies = await Promise.all([asked(url), asked(url), asked(url)]);
    expect(replies.map(({ status }) => status)).toEqual([504, 504, 504]);
  });

  it.each(["garbage\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", ""])(
    "of an origin that says %j are 502",
    async (said) => {
      const origin = await lying((socket) => void socket.once("data", () => socket.end(said)));
      expect(await asked(await proxying({ origin }))).toMatchObject({ status: 502 });
    },
  );

  it("of an origin that breaks off in the middle break off the response", async () => {
    const origin = await lying((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"));
    });
    await expect(asked(await proxying({ origin }))).rejects.toThrow(/aborted|terminated/);
  });

  it("of a caller that goes away end the origin's part", async () => {
    let gone: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => (gone = resolve));
    const origin = await serving((request) => void request.on("close", () => gone!()));
    const request = send(await proxying({ origin })).end();
    request.on("error", () => {});
    await once(request, "socket").then(([socket]) => once(socket, "connect"));
    await vi.waitUntil(() => request.writableFinished);
    request.destroy();
    await ended;
    expect(request.destroyed).toBe(true);
  });

  it("of a kept connection that the origin has just closed are nobody's", async () => {
    let connections = 0;
    const origin = await lying((socket) => {
      connections += 1;
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        socket.once("data", () => socket.resetAndDestroy());
      });
    });
    const url = await proxying({ origin });
    for (let n = 0; n < 3; n++) expect(await asked(url)).toMatchObject({ status: 200, text: "ok" });
    expect(connections).toBe(3);
    expect(await asked(url, { method: "POST" }, "x")).toMatchObject({ status: 502 });
  });

  it("do not keep others from being served", async () => {
    const [dead, alive] = [await lying(() => {}), await mirror()];
    const url = await proxying({
      origin: ({ url: path }) => (path.startsWith("/dead") ? dead : alive),
      timeoutMs: 500,
    });
    const lost = asked(`${url}/dead`);
    for (let n = 0; n < 20; n++) expect((await asked(`${url}/${n}`)).status).toBe(200);
    expect(await lost).toMatchObject({ status: 504 });
  });

  it("in finding an origin are answered by their code, and tell nothing else", async () => {
    const url = await proxying({
      origin: ({ url: path }) => {
        if (path === "/none") throw new KitError("not_found", "no such service");
        return "ftp://10.0.0.1";
      },
    });
    expect(await asked(`${url}/none`)).toMatchObject({
      status: 404,
      text: '{"code":"not_found","message":"no such service"}',
    });
    const { status, text: body } = await asked(url);
    expect([status, body.includes("10.0.0.1")]).toEqual([502, false]);
  });

  it("leave nothing behind", async () => {
    const origin = await mirror();
    const handler = httprpHandler({ origin });
    const server = createServer(handler);
    const url = await serving(() => {}, server);
    await asked(url);
    await handler.close();
    await handler.close();
    expect(await asked(url).then(({ status }) => status)).toBe(200);
    await handler.close();
  });

  it.each([
    [{ origin: "nowhere" }, "origin must be"],
    [{ origin: "ftp://a" }, "origin must be"],
    [{ timeoutMs: 0 }, "timeoutMs must be"],
    [{ connections: -1 }, "connections must be"],
    [{ keepAliveMs: Number.NaN }, "keepAliveMs must be"],
  ])("in the options are told: %j", (wrong, message) => {
    expect(() => httprpHandler({ origin: "http://a", ...wrong })).toThrow(`httprpHandler: ${message}`);
  });
});

describe("WebSockets", () => {
  async function echo(): Promise<string> {
    const server = createServer();
    const sockets = new WebSocketServer({ server, path: "/ws" });
    sockets.on("connection", (socket, request) => {
      socket.send(String(request.headers["x-forwarded-for"]));
      socket.on("message", (data: Buffer) => socket.send(`echo ${data.toString()}`));
    });
    return serving(() => {}, server);
  }

  it("reach the origin and are carried both ways", async () => {
    const url = await proxying({ origin: await echo() });
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    const [hello] = await once(socket, "message");
    socket.send("hi");
    const [answer] = await once(socket, "message");
    expect([String(hello), String(answer)]).toEqual(["127.0.0.1", "echo hi"]);
    socket.close();
    await once(socket, "close");
  });

  it("are refused by an origin that has none, with its own answer", async () => {
    const url = await proxying({ origin: await serving((_, response) => response.writeHead(426).end()) });
    const socket = new WebSocket(url.replace("http", "ws"));
    const [error] = await once(socket, "error");
    expect(error.message).toContain("426");
  });

  it.each([
    ["http://127.0.0.1:1", "502"],
    ["silent", "504"],
  ])("get an answer where the origin is %s", async (place, status) => {
    const origin = place === "silent" ? await lying(() => {}) : place;
    const socket = new WebSocket((await proxying({ origin, timeoutMs: 100 })).replace("http", "ws"));
    const [error] = await once(socket, "error");
    expect(error.message).toContain(status);
  });

  it("end with the proxy", async () => {
    const handler = httprpHandler({ origin: await echo() });
    const server = createServer(handler);
    server.on("upgrade", handler.upgrade);
    const url = await serving(() => {}, server);
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    await once(socket, "message");
    await handler.close();
    await once(socket, "close");
    expect(socket.readyState).toBe(WebSocket.CLOSED);
  });

  it("are not what any other upgrade is", async () => {
    const url = new URL(await proxying({ origin: await echo() }));
    const socket = connect(Number(url.port), url.hostname);
    socket.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: smtp\r\n\r\n");
    socket.on("error", () => {});
    await once(socket, "close");
    expect(socket.destroyed).toBe(true);
  });
});
