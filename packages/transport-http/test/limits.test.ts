import { background, type Context, KitError } from "@kit/endpoint";
import { defineService } from "@kit/service";
import { once } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { CallWatch } from "@kit/transport";
import { type HttpHandlerOptions, httpClient, httpHandler, type HttpLimits, serveHttp } from "../src/index.ts";
import { serving } from "./serving.ts";
import { answerTo, parsed, request, wire } from "./wire.ts";

const length = async (text: string): Promise<number> => text.length;
const text: HttpHandlerOptions<any, any> = { decode: (message) => message.text() };

/** A body that comes in pieces of 64 kB. */
async function* pieces(bytes: number): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536), "x");
}

describe("a limit that is not a positive number", () => {
  const wrong = [0, -1, Number.NaN, "x" as unknown as number];

  it.each(["maxBytes", "maxHeaders", "bodyTimeoutMs", "maxTimeoutMs"] as const)("is refused: %s", (limit) => {
    for (const value of wrong) {
      const options: HttpLimits = { [limit]: value };
      const message = `${limit} must be a positive number, got ${value}`;
      expect(() => httpHandler(async () => 1, options)).toThrow(new TypeError(`httpHandler: ${message}`));
      expect(() => serveHttp(defineService("empty", {}), {}, options)).toThrow(new TypeError(`serveHttp: ${message}`));
    }
    expect(() => httpHandler(async () => 1, { [limit]: Infinity })).not.toThrow();
  });

  it("is refused by a client: maxBytes", () => {
    for (const maxBytes of wrong) {
      expect(() => httpClient({ url: "http://test", maxBytes })).toThrow(
        new TypeError(`httpClient: maxBytes must be a positive number, got ${maxBytes}`),
      );
    }
  });
});

describe("maxBytes", () => {
  const handler = httpHandler(length, { ...text, maxBytes: 100_000 });

  it.each([
    ["of known length", (bytes: number) => "x".repeat(bytes)],
    ["in pieces", pieces],
  ])("lets a body %s pass up to the limit, and not a byte more", async (_, body) => {
    const { url } = await serving(handler);
    await using client = httpClient({ url, encode: (bytes: number, message) => void (message.body = body(bytes)) });
    expect(await client(100_000, background)).toBe(100_000);
    await expect(client(100_001, background)).rejects.toMatchObject({
      code: "resource_exhausted",
      message: "body: larger than 100000 bytes",
    });
    expect(await client(1, background)).toBe(1);
  });

  it("holds for the fetch form", async () => {
    const ask = (bytes: number): Promise<Response> =>
      handler.fetch(
        new Request("http://test", { method: "POST", body: ReadableStream.from(pieces(bytes)), duplex: "half" }),
      );
    expect(await (await ask(100_000)).json()).toBe(100_000);
    expect((await ask(100_001)).status).toBe(413);
  });

  it.each([
    ["of known length", (bytes: number) => "x".repeat(bytes)],
    ["in pieces", pieces],
  ])("answers 20 MB %s with 413 while other calls go on", async (_, body) => {
    const { url } = await serving(httpHandler(length, text));
    await using client = httpClient({ url, encode: (bytes: number, message) => void (message.body = body(bytes)) });
    const large = [1, 2, 3].map(() => client(20_000_000, background).catch((error: unknown) => error));
    const small = await Promise.all(Array.from({ length: 50 }, (_unused, n) => client(n, background)));
    expect(small).toEqual(Array.from({ length: 50 }, (_unused, n) => n));
    for (const error of await Promise.all(large)) expect(error).toMatchObject({ code: "resource_exhausted" });
  });

  it("answers before the body has come, and closes the connection", async () => {
    const { port } = await serving(handler);
    const known = await wire(port);
    known.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 999999999999\r\n\r\nx");
    expect(await known.all()).toMatch(/^HTTP\/1.1 413 [^]*connection: close\r\n[^]*larger than 100000 bytes/);
    const chunked = await wire(port);
    chunked.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (let sent = 0; sent <= 100_000; sent += 10_000) chunked.send(`2710\r\n${"x".repeat(10_000)}\r\n`);
    expect(parsed(await chunked.all()).status).toBe(413);
  });

  it("does not bound a body that is read as a stream", async () => {
    const sum: HttpHandlerOptions<any, any> = {
      maxBytes: 1,
      async decode(message) {
        let bytes = 0;
        for await (const piece of message.stream()) bytes += piece.byteLength;
        return bytes;
      },
    };
    const { url } = await serving(httpHandler(async (bytes: number) => bytes, sum));
    await using client = httpClient({ url, encode: (bytes: number, message) => void (message.body = pieces(bytes)) });
    expect(await client(3_000_000, background)).toBe(3_000_000);
  });

  it("bounds what a client takes", async () => {
    const { url } = await serving((_, response) => response.end("x".repeat(1_000)));
    const decode = (response: { text(): string }): number => response.text().length;
    await using enough = httpClient({ url, decode, maxBytes: 1_000 });
    await using tooLittle = httpClient({ url, decode, maxBytes: 999 });
    expect(await enough({}, background)).toBe(1_000);
    await expect(tooLittle({}, background)).rejects.toMatchObject({
      code: "resource_exhausted",
      message: "http: a reply of more than 999 bytes",
    });
  });
});

describe("maxHeaders", () => {
  const named = (count: number): string[] => Array.from({ length: count }, (_, n) => `X-${n}: 1`);

  it("lets a hundred pass, and not one more", async () => {
    const { port } = await serving(httpHandler(async () => "fine"));
    // Host and Connection are two of them.
    expect(parsed(await answerTo(port, request("GET /", named(98)))).status).toBe(200);
    expect(parsed(await answerTo(port, request("GET /", named(99))))).toEqual({
      status: 431,
      body: '{"code":"resource_exhausted","message":"more than 100 headers"}',
    });
  });

  it("counts each line, also of one name", async () => {
    const { port } = await serving(httpHandler(async () => "fine", { maxHeaders: 10 }));
    expect(parsed(await answerTo(port, request("GET /", Array(9).fill("X-A: 1")))).status).toBe(431);
  });

  it("holds for the fetch form", async () => {
    const handler = httpHandler(async () => "fine", { maxHeaders: 3 });
    const ask = (count: number): Promise<Response> =>
      handler.fetch(
        new Request("http://test", { headers: named(count).map((line) => line.split(": ") as [string, string]) }),
      );
    expect((await ask(3)).status).toBe(200);
    expect((await ask(4)).status).toBe(431);
  });

  it("leaves their size to Node, which answers 431 as well", async () => {
    const { port } = await serving(httpHandler(async () => "fine"));
    expect(parsed(await answerTo(port, request("GET /", [`X-A: ${"a".repeat(20_000)}`]))).status).toBe(431);
    expect(parsed(await answerTo(port, request(`GET /${"a".repeat(20_000)}`))).status).toBe(431);
    expect(parsed(await answerTo(port, request(`GET /${"a".repeat(10_000)}?${"b".repeat(3_000)}`))).status).toBe(200);
  });
});

describe("bodyTimeoutMs", () => {
  it("answers a body that drips with 408, and closes the connection", async () => {
    const endpoint = vi.fn<(request: unknown) => Promise<number>>(async () => 1);
    const { port } = await serving(httpHandler(endpoint, { bodyTimeoutMs: 60 }));
    const slow = await wire(port);
    slow.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n");
    const drip = setInterval(() => slow.send("x"), 5);
    const answer = await slow.all();
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1.1 408 [^]*connection: close\r\n/);
    expect(JSON.parse(parsed(answer).body)).toEqual({
      code: "deadline_exceeded",
      message: "body: did not arrive within 60 ms",
    });
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("does not hold up other calls, nor end them", async () => {
    const { port, url } = await serving(httpHandler(length, { ...text, bodyTimeoutMs: 60 }));
    const slow = await Promise.all(Array.from({ length: 20 }, () => wire(port)));
    for (const one of slow) one.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    const over = Promise.all(slow.map((one) => one.all()));
    await using client = httpClient({ url, encode: (body: string, message) => void (message.body = body) });
    expect(await client("abc", background)).toBe(3);
    for (const answer of await over) expect(parsed(answer).status).toBe(408);
    expect(await client("abcd", background)).toBe(4);
  });

  it("holds for the fetch form, and lets go of the body", async () => {
    let cancelled!: (reason: unknown) => void;
    const gone = new Promise((resolve) => (cancelled = resolve));
    const body = new ReadableStream({ cancel: cancelled });
    const handler = httpHandler(async () => 1, { bodyTimeoutMs: 40 });
    const response = await handler.fetch(new Request("http://test", { method: "POST", body, duplex: "half" }));
    expect(response.status).toBe(408);
    expect(await gone).toMatchObject({ code: "deadline_exceeded" });
  });

  it.each([
    [413, 9_000_000],
    [408, 1_000],
  ])("lets a caller that is still sending see the answer: %i", async (status, size) => {
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const limits: HttpLimits = { bodyTimeoutMs: 40, maxBytes: 1_000 };
    const { port } = await serving(httpHandler(async () => 1, { ...limits, finalizer: [answer] }));
    const caller = await wire(port);
    caller.socket.pause();
    caller.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
    await answered;
    // Sent to a connection that is closed, this would have it reset, and what has come but was not read yet would be lost.
    await new Promise((resolve) => caller.socket.write(Buffer.alloc(size - 1), resolve));
    caller.socket.resume();
    expect(parsed(await caller.all()).status).toBe(status);
  });

  it("does not wait for the rest of a body any longer than a second", async () => {
    const { port } = await serving(httpHandler(async () => 1, { maxBytes: 10 }));
    const caller = await wire(port);
    caller.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\nx");
    const start = performance.now();
    expect(parsed(await caller.all()).status).toBe(413);
    expect(performance.now() - start).toBeGreaterThan(900);
  });
});

describe("the calls of a handler", () => {
  const call = (look: () => void) => ({ place: -1, look });

  it("are watched by one timer, which runs while there are some", () => {
    vi.useFakeTimers();
    try {
      const watch = new CallWatch();
      const looks: string[] = [];
      const [a, b, c] = ["a", "b", "c"].map((name) => call(() => void looks.push(name)));
      for (const one of [a!, b!, c!]) watch.add(one);
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(50);
      expect(looks.toSorted()).toEqual(["a", "b", "c"]);
      watch.delete(a!);
      watch.delete(a!);
      looks.length = 0;
      vi.advanceTimersByTime(50);
      expect(looks.toSorted()).toEqual(["b", "c"]);
      for (const one of [c!, b!]) watch.delete(one);
      vi.advanceTimersByTime(50);
      expect(vi.getTimerCount()).toBe(0);
      watch.add(a!);
      expect(vi.getTimerCount()).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("are all looked at, also when some leave meanwhile", () => {
    vi.useFakeTimers();
    try {
      const watch = new CallWatch();
      const looks: number[] = [];
      const calls = Array.from({ length: 6 }, (_, n) =>
        call(() => {
          looks.push(n);
          if (n % 2 === 0) watch.delete(calls[n]!);
        }),
      );
      for (const one of calls) watch.add(one);
      vi.advanceTimersByTime(50);
      expect(looks.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
      vi.advanceTimersByTime(50);
      expect(looks.slice(6).toSorted((a, b) => a - b)).toEqual([1, 3, 5]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("are watched where a timer is a number", () => {
    const ticks: (() => void)[] = [];
    vi.stubGlobal("setInterval", (tick: () => void) => ticks.push(tick));
    try {
      const look = vi.fn<() => void>();
      new CallWatch().add(call(look));
      ticks[0]!();
      expect(look).toHaveBeenCalledOnce();
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("maxTimeoutMs", () => {
  const deadline = async (_: unknown, ctx: Context): Promise<number | null> =>
    ctx.deadline === undefined ? null : ctx.deadline - Date.now();

  it.each([
    ["the limit without one", undefined, {}, 60_000],
    ["the caller's below the limit", "250", {}, 250],
    ["the limit below the caller's", "9999999999", { maxTimeoutMs: 5_000 }, 5_000],
    ["the limit of its own without one", undefined, { maxTimeoutMs: 5_000 }, 5_000],
    ["the caller's without a limit", "9999999999", { maxTimeoutMs: Infinity }, 9_999_999_999],
  ])("gives the call a deadline: %s", async (_, wanted, limits, expected) => {
    const handler = httpHandler(deadline, limits);
    const headers = wanted === undefined ? {} : { "connect-timeout-ms": wanted };
    const response = await handler.fetch(new Request("http://test", { headers }));
    const left = (await response.json()) as number;
    expect(left).toBeLessThanOrEqual(expected);
    expect(left).toBeGreaterThan(expected - 100);
  });

  it("may be without a bound", async () => {
    const handler = httpHandler(deadline, { maxTimeoutMs: Infinity });
    expect(await (await handler.fetch(new Request("http://test"))).json()).toBeNull();
  });

  it("answers 504 for a handler that does not heed it", async () => {
    const { url } = await serving(httpHandler(() => new Promise(() => {}), { maxTimeoutMs: 30 }));
    const response = await fetch(url);
    expect([response.status, await response.json()]).toEqual([
      504,
      { code: "deadline_exceeded", message: "context deadline exceeded" },
    ]);
  });

  it("does not start what is over already", async () => {
    const endpoint = vi.fn<() => Promise<number>>(async () => 1);
    const headers = { "connect-timeout-ms": "0" };
    expect((await httpHandler(endpoint).fetch(new Request("http://test", { headers }))).status).toBe(504);
    expect(endpoint).not.toHaveBeenCalled();
  });

  it.each([["-1"], ["1.5"], ["1e3"], ["soon"], [""], [" "], ["12345678901"], ["0x10"], ["1, 2"]])(
    "answers 400 to a time that is none: %j",
    async (wanted) => {
      const response = await httpHandler(deadline).fetch(
        new Request("http://test", { headers: { "connect-timeout-ms": wanted } }),
      );
      expect([response.status, await response.json()]).toEqual([
        400,
        { code: "invalid_argument", message: "connect-timeout-ms: not a number of milliseconds" },
      ]);
    },
  );

  it.each([[2 ** 40], [Infinity], [Number.MAX_SAFE_INTEGER]])("takes a call with %d ms to go", async (ms) => {
    const { url } = await serving(httpHandler(async () => "fine"));
    await using client = httpClient({ url });
    using ctx = background.withTimeout(ms);
    expect(await client({}, ctx)).toBe("fine");
  });

  it("lets a call that is answered go, whatever its deadline", async () => {
    let ended!: (cause: Error) => void;
    const over = new Promise<Error>((resolve) => (ended = resolve));
    const { server, url } = await serving(
      httpHandler(async (_, ctx) => {
        ctx.onCancel(ended);
        throw new KitError("not_found", "no");
      }),
    );
    const asked = once(server, "request");
    await fetch(url);
    await asked;
    expect(await over).toMatchObject({ code: "canceled" });
  });
});
