import { background, type KitError } from "@kit/endpoint";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { fetchSender, httpClient, type HttpSender, undiciSender } from "../src/index.ts";
import { lying, serving } from "./serving.ts";

/** Answers the first request of each connection with these bytes. */
function says(bytes: string | Uint8Array, close = false): (socket: Socket) => void {
  return (socket) => {
    socket.once("data", () => (close ? socket.end(bytes) : socket.write(bytes)));
  };
}

const senders: Record<string, (origin: string) => HttpSender> = {
  undici: (origin) => undiciSender({ origin }),
  fetch: (origin) => fetchSender({ origin }),
};

describe.each(Object.entries(senders))("a client over %s", (_, make) => {
  /** What a call to a server that talks like this comes to. */
  async function call(talk: (socket: Socket) => void, maxBytes = 100_000): Promise<any> {
    const { url } = await lying(talk);
    await using sender = make(url);
    const client = httpClient({ url, sender, maxBytes });
    using ctx = background.withTimeout(4_000);
    return await client({ a: 1 }, ctx).catch((error: unknown) => error);
  }

  it.each([
    ["garbage", says("hello, is it me you are looking for?\r\n\r\n", true)],
    ["noise", says(Buffer.from([0, 255, 1, 254, 13, 10, 13, 10, 2]), true)],
    ["nothing, and closes", says("", true)],
    ["half a status line", says("HTTP/1.1 20", true)],
    ["half its headers", says("HTTP/1.1 200 OK\r\nContent-Le", true)],
    ["half a body", says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", true)],
    ["half a chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}", true)],
    ["a chunk of no length", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")],
    ["two lengths", says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ")],
    ["a status that is none", says("HTTP/1.1 9999 OK\r\nContent-Length: 0\r\n\r\n")],
    ["headers without end", (socket: Socket) => void socket.write(`HTTP/1.1 200 OK\r\nX-A: ${"a".repeat(200_000)}`)],
    ["a cut", (socket: Socket) => void socket.once("data", () => socket.resetAndDestroy())],
  ])("rejects with unavailable for a server that says %s", async (_name, talk) => {
    const error = await call(talk);
    expect(error).toMatchObject({ code: "unavailable" });
    // The request may have been carried out.
    expect(error).not.toHaveProperty("notSent");
    expect(error.cause).toBeInstanceOf(Error);
  });

  it.each([
    ["text", "text/plain", "hello"],
    ["a page", "text/html", "<html></html>"],
    ["half its JSON", "application/json", '{"a":'],
    ["two values", "application/json", "{}{}"],
    ["a forbidden key", "application/json", '{"__proto__":{"polluted":1}}'],
  ])("rejects with internal for a reply that is %s", async (_name, type, body) => {
    const error = await call(
      says(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
    );
    expect(error).toMatchObject({ code: "internal", message: "http: a 200 reply that is not JSON" });
  });

  it.each([
    ["with its length", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", (piece: string) => piece],
    ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (piece: string) => `10000\r\n${piece}\r\n`],
    ["until it closes", "HTTP/1.1 200 OK\r\n\r\n", (piece: string) => piece],
    [
      "as an error",
      "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n",
      (piece: string) => `10000\r\n${piece}\r\n`,
    ],
  ])("takes no more than it must of a gigabyte %s", async (_name, head, frame) => {
    let sent = 0;
    let cut!: () => void;
    const closed = new Promise<void>((resolve) => (cut = resolve));
    const piece = frame("x".repeat(65_536));
    const error = await call((socket) => {
      socket.on("close", cut).write(head);
      const pour = (): void => {
        while (sent < 1e9 && !socket.destroyed) {
          sent += 65_536;
          if (!socket.write(piece)) break;
        }
      };
      socket.on("drain", pour);
      pour();
    });
    expect(error).toMatchObject({ code: "resource_exhausted", message: "http: a reply of more than 100000 bytes" });
    await closed;
    // Beyond the limit only what was under way already.
    expect(sent).toBeLessThan(20_000_000);
  });

  it("follows no redirect", async () => {
    const elsewhere = vi.fn<(socket: Socket) => void>();
    const other = await lying(elsewhere);
    for (const status of [301, 302, 303, 307, 308]) {
      const head = `HTTP/1.1 ${status} Moved\r\nLocation: ${other.url}/secret\r\nContent-Length: 0\r\n\r\n`;
      expect(await call(says(head))).toMatchObject({ code: "unknown", message: `http status ${status}` });
    }
    expect(elsewhere).not.toHaveBeenCalled();
  });

  it("passes over what comes before the reply", async () => {
    const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
    expect(await call(says(`${early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]`))).toEqual([]);
  });

  it("waits for a server that says nothing no longer than its deadline", async () => {
    const { url } = await lying(() => {});
    await using sender = make(url);
    using ctx = background.withTimeout(50);
    await expect(httpClient({ url, sender })({}, ctx)).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("waits for the rest of a reply no longer than its deadline, and closes the connection", async () => {
    let cut!: () => void;
    const closed = new Promise<void>((resolve) => (cut = resolve));
    const { url } = await lying((socket) => {
      socket.on("close", cut);
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"));
    });
    await using sender = make(url);
    using ctx = background.withTimeout(1_000);
    await expect(httpClient({ url, sender })({}, ctx)).rejects.toMatchObject({ code: "deadline_exceeded" });
    await closed;
  });

  it("survives all that and makes the next call on the same sender", async () => {
    let lies = 0;
    const { server, url } = await serving((message, response) => {
      message.resume();
      if (++lies % 2 === 1) message.socket.destroy();
      else response.end("{}");
    });
    await using sender = make(url);
    const client = httpClient({ url, sender });
    for (let n = 0; n < 5; n++) {
      await expect(client({}, background)).rejects.toMatchObject({ code: "unavailable" });
      expect(await client({}, background)).toEqual({});
    }
    expect(server.listening).toBe(true);
  });

  it("does not write a header that it was given wrong", async () => {
    const asked = vi.fn<() => void>();
    const { server, url } = await serving((_message, response) => response.end());
    server.on("request", asked);
    await using sender = make(url);
    for (const headers of [{ "x-a": "a\r\nx-evil: 1" }, { "x-a": "a\0b" }, { "x a": "b" }, { "": "b" }]) {
      const error: KitError = await httpClient({ url, sender, headers })({}, background).catch((cause) => cause);
      expect(error).toMatchObject({ code: "invalid_argument", notSent: true });
    }
    expect(asked).not.toHaveBeenCalled();
    await httpClient({ url, sender })({}, background);
    expect(asked).toHaveBeenCalledOnce();
  });
});

describe("a server that answers before it has read", () => {
  it("is heard, and the body is not sent to its end", async () => {
    let pulled = 0;
    const body = async function* (): AsyncGenerator<Uint8Array> {
      for (; pulled < 10_000; pulled++) yield Buffer.alloc(65_536);
    };
    const { server, url } = await serving((_, response) => {
      response.writeHead(403, { connection: "close" }).end();
    });
    const asked = once(server, "request");
    await using client = httpClient({ url, encode: (_, message) => void (message.body = body()) });
    const error: KitError = await client({}, background).catch((cause) => cause);
    await asked;
    expect(["permission_denied", "unavailable"]).toContain(error.code);
    expect(pulled).toBeLessThan(10_000);
  });
});
