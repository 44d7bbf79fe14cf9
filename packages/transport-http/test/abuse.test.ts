import { codeOf, type Context } from "@kit/endpoint";
import { once } from "node:events";
import { connect as connectHttp2, constants, createServer as createHttp2Server } from "node:http2";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { httpHandler, type HttpHandlerOptions, type HttpReply } from "../src/index.ts";
import { portOf, serving } from "./serving.ts";
import { answerTo, parsed, request, wire } from "./wire.ts";

const echo = async (sent: unknown): Promise<unknown> => sent ?? "nothing";

/** A handler whose call is known from outside: when it begins, and why it ends. */
function watched(answer?: unknown, options: HttpHandlerOptions<any, any> = {}) {
  let begin!: (ctx: Context) => void;
  let end!: (cause: Error) => void;
  const began = new Promise<Context>((resolve) => (begin = resolve));
  const ended = new Promise<Error>((resolve) => (end = resolve));
  const handler = httpHandler(
    (_, ctx) => {
      ctx.onCancel(end);
      begin(ctx);
      return answer === undefined ? new Promise(() => {}) : Promise.resolve(answer);
    },
    { decode: () => undefined, ...options },
  );
  return { handler, began, ended };
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(65_536, "x");
}

const streamed = (_: unknown, reply: HttpReply): void => {
  reply.body = endless();
};

describe("a request that is none", () => {
  it.each([
    ["no HTTP", "hello\r\n\r\n", 400],
    ["a NUL in a header", request("GET /", ["X-A: a\0b"]), 400],
    ["a NUL in the path", request("GET /\0"), 400],
    ["a line break in a header", request("GET /", ["X-A: a\rb"]), 400],
    ["a header without a name", request("GET /", [": a"]), 400],
    ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two lengths", request("POST /", ["Content-Length: 1", "Content-Length: 2"], "x"), 400],
    ["a length and chunks", request("POST /", ["Transfer-Encoding: chunked"], "x"), 400],
    ["a length below zero", request("POST /", ["Content-Length: -1"]), 400],
    ["a chunk of no length", request("POST /", ["Transfer-Encoding: chunked"]) + "zz\r\nx\r\n", 400],
    ["a verb of no kind", request("BREW /"), 400],
  ])("is answered 400 or dropped: %s", async (_, bytes, status) => {
    const { port } = await serving(httpHandler(echo));
    const answers = [await answerTo(port, bytes), await answerTo(port, request("POST /", [], "1"))];
    expect(answers.map((answer) => parsed(answer).status)).toEqual([status, 200]);
  });

  it("may name a version that is not the connection's", async () => {
    const { port } = await serving(httpHandler(echo));
    const caller = await wire(port);
    caller.send("POST / HTTP/2.0\r\nHost: test\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1");
    expect(parsed(await caller.all())).toEqual({ status: 200, body: "1" });
  });

  it("may have bytes in a header that are no UTF-8: they are read as Latin-1", async () => {
    const seen: unknown[] = [];
    const { port } = await serving(
      httpHandler(echo, { before: [(ctx, message) => (seen.push(message.header("x-a")), ctx)] }),
    );
    const raw = Buffer.from(request("GET /", ["X-A: \xff\xfe\xe9"]), "latin1");
    expect(parsed(await answerTo(port, raw)).status).toBe(200);
    expect(seen).toEqual(["\xff\xfe\xe9"]);
  });
});

describe("a reply with a header that cannot be sent", () => {
  const injected: [string, (reply: HttpReply) => void][] = [
    ["CR LF in a value", (reply) => void (reply.headers["x-a"] = "a\r\nset-cookie: evil=1")],
    ["LF in a value", (reply) => void (reply.headers["x-a"] = "a\nset-cookie: evil=1")],
    ["NUL in a value", (reply) => void (reply.headers["x-a"] = "a\0b")],
    ["one of many values", (reply) => void (reply.headers["x-a"] = ["a", "b\r\nset-cookie: evil=1"])],
    ["CR LF in a name", (reply) => void (reply.headers["x-a\r\nset-cookie: evil"] = "1")],
    ["no name", (reply) => void (reply.headers[""] = "1")],
    ["no status", (reply) => void (reply.status = 99)],
    ["a status that is no number", (reply) => void (reply.status = "200 OK\r\n" as unknown as number)],
  ];

  it.each(injected)("is answered 500, with nothing of it: %s", async (_, inject) => {
    const onlyOnce = vi.fn<typeof inject>(inject);
    const after = [(_ctx: Context, reply: HttpReply) => void (onlyOnce.mock.calls.length === 0 && onlyOnce(reply))];
    const { port } = await serving(httpHandler(echo, { after }));
    const answer = await answerTo(port, request("POST /", [], '"secret"'));
    expect(answer).toMatch(/^HTTP\/1.1 500 /);
    expect(answer).not.toMatch(/evil|secret|x-a/i);
    expect(parsed(await answerTo(port, request("POST /", [], "1")))).toEqual({ status: 200, body: "1" });
  });

  it.each(injected)("is answered 500 by the fetch form: %s", async (_, inject) => {
    const handler = httpHandler(echo, { after: [(_ctx, reply) => inject(reply)] });
    const response = await handler.fetch(new Request("http://test"));
    expect([response.status, await response.text(), response.headers.get("set-cookie")]).toEqual([500, "", null]);
  });

  it("does not split a reply on HTTP/2", async () => {
    const { session } = await http2(httpHandler(echo, { after: [(_, reply) => injected[0]![1](reply)] }));
    const stream = session.request({ ":method": "POST", ":path": "/" }).end("1");
    stream.on("error", () => {});
    const headers = await Promise.race([once(stream, "response"), once(stream, "close")]);
    expect(JSON.stringify(headers)).not.toContain("evil");
    const next = session.request({ ":path": "/" });
    expect(await once(next.resume(), "response")).toBeDefined();
  });

  it("sends no body with 204 and 304, whatever the hooks wrote", async () => {
    for (const status of [204, 304]) {
      const handler = httpHandler(echo, {
        encode: (_, reply) => void Object.assign(reply, { status, body: "ignored" }),
      });
      const { port } = await serving(handler);
      expect(await answerTo(port, request("GET /"))).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\r\n\r\n$`));
      const response = await handler.fetch(new Request("http://test"));
      expect([response.status, await response.text()]).toEqual([status, ""]);
    }
  });
});

describe("connections", () => {
  it("are used again, also after errors", async () => {
    const { port } = await serving(httpHandler(echo));
    const caller = await wire(port);
    const post = (body: string): string =>
      `POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    caller.send(post("1"));
    await caller.until(/200 OK[^]*\r\n\r\n1$/);
    caller.send(post("{"));
    await caller.until(/400 Bad Request[^]*not valid JSON"}$/);
    caller.send(post("2"));
    expect((await caller.until(/\r\n\r\n2$/)).match(/HTTP\/1.1 \d+/g)).toEqual([
      "HTTP/1.1 200",
      "HTTP/1.1 400",
      "HTTP/1.1 200",
    ]);
  });

  it("answer pipelined requests in order, whichever is done first", async () => {
    const waiting: (() => void)[] = [];
    const { port } = await serving(
      httpHandler((n: number) => {
        if (n !== 1) return Promise.resolve(n);
        return new Promise((resolve) => waiting.push(() => resolve(n)));
      }),
    );
    const caller = await wire(port);
    caller.send([1, 2, 3].map((n) => `POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n${n}`).join(""));
    await vi.waitUntil(() => waiting.length === 1, { timeout: 5_000, interval: 1 });
    waiting[0]!();
    const answers = await caller.until(/\r\n\r\n3$/);
    expect(answers.match(/\r\n\r\n\d/g)).toEqual(["\r\n\r\n1", "\r\n\r\n2", "\r\n\r\n3"]);
  });

  it("carry an unread body to its end, so that the next request is found", async () => {
    const { port } = await serving(httpHandler(echo, { decode: () => "unread" }));
    const caller = await wire(port);
    const body = "x".repeat(300_000);
    caller.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    caller.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    expect((await caller.all()).match(/HTTP\/1.1 200/g)).toHaveLength(2);
  });

  it("take HTTP/1.0 and Expect: 100-continue", async () => {
    const { port } = await serving(httpHandler(echo));
    expect(parsed(await answerTo(port, "GET / HTTP/1.0\r\n\r\n"))).toEqual({ status: 200, body: '"nothing"' });
    const caller = await wire(port);
    caller.send(
      "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
    );
    await caller.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    caller.send("7");
    expect(await caller.all()).toMatch(/200 OK[^]*\r\n\r\n7$/);
  });
});

describe("a caller that goes away", () => {
  it("in the middle of its request ends the call, which never begins", async () => {
    const endpoint = vi.fn<() => Promise<void>>(async () => {});
    let failed!: (seen: unknown[]) => void;
    const failure = new Promise((resolve) => (failed = resolve));
    const onError = (error: unknown, ctx: Context | undefined): void => {
      ctx?.onCancel((cause) => failed([codeOf(error), codeOf(cause)]));
    };
    const { port } = await serving(httpHandler(endpoint, { onError }));
    const caller = await wire(port);
    caller.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n[1");
    caller.socket.end();
    expect(await failure).toEqual(["canceled", "canceled"]);
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("in the middle of a request read as a stream is told to whoever reads", async () => {
    let failed!: (error: unknown) => void;
    const failure = new Promise((resolve) => (failed = resolve));
    const decode: HttpHandlerOptions<any, any>["decode"] = async (message) => {
      const pieces = [];
      for await (const piece of message.stream()) pieces.push(piece);
      return pieces;
    };
    const { port, server } = await serving(httpHandler(echo, { decode, onError: failed }));
    const asked = once(server, "request");
    const caller = await wire(port);
    caller.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n");
    await asked;
    caller.socket.destroy();
    expect(await failure).toMatchObject({ code: "canceled", message: "body: the caller went away" });
  });

  it("while the handler works ends its context", async () => {
    const { handler, began, ended } = watched();
    const { port } = await serving(handler);
    const caller = await wire(port);
    caller.send(request("GET /"));
    expect((await began).cancelled).toBeUndefined();
    caller.socket.destroy();
    expect(await ended).toMatchObject({ code: "canceled" });
  });

  it("ends all its calls, also those that wait for their turn behind another", async () => {
    const ended: Promise<Error>[] = [];
    const { port } = await serving(
      httpHandler((_, ctx) => {
        ended.push(new Promise((resolve) => void ctx.onCancel(resolve)));
        return new Promise(() => {});
      }),
    );
    const caller = await wire(port);
    caller.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(3));
    await vi.waitUntil(() => ended.length === 3, { timeout: 5_000, interval: 1 });
    caller.socket.destroy();
    for (const cause of await Promise.all(ended)) expect(cause).toMatchObject({ code: "canceled" });
  });

  it("in the middle of a reply ends the context, and the stream that it was made of", async () => {
    const { handler, ended } = watched("x", { encode: streamed });
    const { port } = await serving(handler);
    const caller = await wire(port);
    caller.send(request("GET /"));
    await caller.until(/xxxx/);
    caller.socket.destroy();
    expect(await ended).toMatchObject({ code: "canceled" });
  });

  it("from a reply in one piece leaves nothing waiting", async () => {
    const { handler, ended } = watched("x".repeat(50_000_000));
    const { port } = await serving(handler);
    const caller = await wire(port);
    caller.send(request("GET /"));
    await caller.until(/xxxx/);
    caller.socket.destroy();
    expect(await ended).toMatchObject({ code: "canceled" });
  });
});

describe("a caller of HTTP/2 that goes away", () => {
  it("in the middle of its request ends the call, even where what came would do", async () => {
    const endpoint = vi.fn<() => Promise<void>>(async () => {});
    let failed!: (error: unknown) => void;
    const failure = new Promise((resolve) => (failed = resolve));
    const { server, session } = await http2(httpHandler(endpoint, { onError: failed }));
    const came = new Promise<void>((resolve) => {
      server.on("request", (message) => message.once("data", () => resolve()));
    });
    session
      .request({ ":method": "POST", ":path": "/" })
      .on("error", () => {})
      .write("12");
    await came;
    session.destroy();
    expect(await failure).toMatchObject({ code: "canceled", message: "body: the caller went away" });
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("in the middle of a request read as a stream is told to whoever reads", async () => {
    let failed!: (error: unknown) => void;
    const failure = new Promise((resolve) => (failed = resolve));
    let got!: () => void;
    const first = new Promise<void>((resolve) => (got = resolve));
    const decode: HttpHandlerOptions<any, any>["decode"] = async (message) => {
      for await (const _ of message.stream()) got();
    };
    const { session } = await http2(httpHandler(echo, { decode, onError: failed }));
    session
      .request({ ":method": "POST", ":path": "/" })
      .on("error", () => {})
      .write("12");
    await first;
    session.destroy();
    expect(await failure).toMatchObject({ code: "canceled", message: "body: the caller went away" });
  });

  it.each([
    ["while the handler works", undefined, {}],
    ["in the middle of a reply", "x", { encode: streamed }],
  ])("%s ends the context, and only its own", async (_, answer, options) => {
    const { handler, began, ended } = watched(answer, options);
    const { session } = await http2(handler);
    const stream = session.request({ ":path": "/" }).on("error", () => {});
    const ctx = await began;
    expect(ctx.cancelled).toBeUndefined();
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await ended).toMatchObject({ code: "canceled" });
    expect(session.destroyed).toBe(false);
  });

  it("altogether ends all its calls", async () => {
    const { handler, began, ended } = watched();
    const { session } = await http2(handler);
    session.request({ ":path": "/" }).on("error", () => {});
    await began;
    session.destroy();
    expect(await ended).toMatchObject({ code: "canceled" });
  });
});

describe("a caller of the fetch form that goes away", () => {
  it("while the handler works ends its context", async () => {
    const { handler, began, ended } = watched();
    const aborter = new AbortController();
    const answer = handler.fetch(new Request("http://test", { signal: aborter.signal }));
    await began;
    aborter.abort();
    expect(await ended).toMatchObject({ code: "canceled" });
    expect((await answer).status).toBe(499);
  });

  it("before the handler began keeps it from beginning", async () => {
    const endpoint = vi.fn<() => Promise<void>>(async () => {});
    const response = await httpHandler(endpoint).fetch(new Request("http://test", { signal: AbortSignal.abort() }));
    expect(response.status).toBe(499);
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("from a reply ends the context, and the stream that it was made of", async () => {
    const { handler, ended } = watched("x", { encode: streamed });
    const response = await handler.fetch(new Request("http://test"));
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    expect(await ended).toMatchObject({ code: "canceled" });
  });

  it("in the middle of its request ends the call", async () => {
    const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from("[1")) });
    const aborter = new AbortController();
    const endpoint = vi.fn<() => Promise<void>>(async () => {});
    const sent = new Request("http://test", { method: "POST", body, duplex: "half", signal: aborter.signal });
    const answer = httpHandler(endpoint, { bodyTimeoutMs: 200 }).fetch(sent);
    aborter.abort();
    expect([408, 499]).toContain((await answer).status);
    expect(endpoint).not.toHaveBeenCalled();
  });
});

/** A server of HTTP/2 without TLS, and a session of a client, until the test is over. */
async function http2(handler: ReturnType<typeof httpHandler>) {
  const server = createHttp2Server(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
  session.on("error", () => {});
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  return { server, session };
}
