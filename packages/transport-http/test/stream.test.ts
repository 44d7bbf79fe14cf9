import { background, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { once } from "node:events";
import { describe, expect, it, vi } from "vitest";
import {
  fetchSender,
  httpClient,
  httpHandler,
  type HttpReply,
  type HttpRequest,
  type HttpSender,
  undiciSender,
} from "../src/index.ts";
import { lying, serving } from "./serving.ts";

type Bytes = AsyncIterable<Uint8Array>;

const piece = Buffer.alloc(65_536, "x");

/** A stream that knows how much of itself was taken, and whether it was let go. */
function source(pieces = Infinity) {
  const state = { pulled: 0, ended: false };
  async function* produce(): AsyncGenerator<Uint8Array> {
    try {
      while (state.pulled < pieces) {
        state.pulled += 1;
        yield piece;
      }
    } finally {
      state.ended = true;
    }
  }
  return Object.assign(state, { bytes: produce() });
}

/** Serves an endpoint from stream to stream. */
function streamed(endpoint: Endpoint<Bytes, Bytes>) {
  return httpHandler(endpoint, {
    decode: (request: HttpRequest) => request.stream(),
    encode: (bytes: Bytes, reply: HttpReply) => void (reply.body = bytes),
  });
}

function waitUntil(condition: () => boolean): Promise<boolean> {
  return vi.waitUntil(condition, { timeout: 5_000, interval: 2 });
}

/** What has been pulled when nothing more is pulled for some turns of the loop. */
async function settled(state: { readonly pulled: number }): Promise<number> {
  for (let same = 0, last = -1; same < 20; same = state.pulled === last ? same + 1 : 0) {
    last = state.pulled;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return state.pulled;
}

async function untilDone(bytes: AsyncIterator<Uint8Array>): Promise<void> {
  while (!(await bytes.next()).done);
}

const senders: [string, (origin: string) => HttpSender][] = [
  ["undici", (origin) => undiciSender({ origin })],
  ["fetch", (origin) => fetchSender({ origin })],
];

describe.each(senders)("a stream over %s", (_, make) => {
  /** A client of one stream handler. */
  async function connected(endpoint: Endpoint<Bytes, Bytes>) {
    const { url } = await serving(streamed(endpoint));
    const sender = make(url);
    const call = httpClient<Bytes, Bytes>({
      url,
      sender,
      stream: true,
      encode: (bytes, message) => void (message.body = bytes),
      decode: ({ stream }) => stream!,
    });
    return { call, [Symbol.asyncDispose]: () => sender.close() };
  }

  it("comes back while it is still being sent", async () => {
    await using client = await connected(async function (request) {
      return (async function* () {
        for await (const bytes of request) yield Buffer.from(Buffer.from(bytes).toString().toUpperCase());
      })();
    });
    const send: ((text: string | undefined) => void)[] = [];
    const words = (async function* () {
      for (;;) {
        const word = await new Promise<string | undefined>((resolve) => send.push(resolve));
        if (word === undefined) return;
        yield Buffer.from(word);
      }
    })();
    const call = client.call(words, background);
    await waitUntil(() => send.length === 1);
    send[0]!("one");
    const answers = (await call)[Symbol.asyncIterator]();
    expect(Buffer.from((await answers.next()).value).toString()).toBe("ONE");
    await waitUntil(() => send.length === 2);
    send[1]!("two");
    expect(Buffer.from((await answers.next()).value).toString()).toBe("TWO");
    await waitUntil(() => send.length === 3);
    send[2]!(undefined);
    expect((await answers.next()).done).toBe(true);
  });

  it("brings forty megabytes through, not all at once", async () => {
    const answer = source(640);
    await using client = await connected(async () => answer.bytes);
    let bytes = 0;
    let most = 0;
    let taken = 0;
    for await (const chunk of await client.call(source(0).bytes, background)) {
      bytes += chunk.byteLength;
      taken = bytes / piece.byteLength;
      most = Math.max(most, answer.pulled - taken);
    }
    expect(bytes).toBe(640 * piece.byteLength);
    expect(most).toBeLessThan(320);
  });

  it("is not produced faster than it is read", async () => {
    const answer = source();
    await using client = await connected(async () => answer.bytes);
    const bytes = await client.call(source(0).bytes, background);
    const first = await settled(answer);
    expect(first).toBeLessThan(400);
    const iterator = bytes[Symbol.asyncIterator]();
    for (let taken = 0; taken < first * piece.byteLength;) taken += (await iterator.next()).value.byteLength;
    expect(await settled(answer)).toBeGreaterThan(first);
    await iterator.return!();
  });

  it("is not sent faster than it is taken", async () => {
    const request = source();
    let take!: () => void;
    const taking = new Promise<void>((resolve) => (take = resolve));
    await using client = await connected(async (bytes) => {
      await taking;
      for await (const chunk of bytes) if (chunk.byteLength > 0 && request.pulled > 1_000) break;
      return source(0).bytes;
    });
    const ctx = background.withCancel();
    const call = client.call(request.bytes, ctx).catch((error: KitError) => error.code);
    expect(await settled(request)).toBeLessThan(400);
    take();
    await waitUntil(() => request.pulled > 1_000);
    ctx.cancel();
    await call;
    await waitUntil(() => request.ended);
  });

  it("that its reader leaves early ends the handler's context and its source", async () => {
    const answer = source();
    let end!: (cause: Error) => void;
    const ended = new Promise<Error>((resolve) => (end = resolve));
    await using client = await connected(async (__, ctx) => {
      ctx.onCancel(end);
      return answer.bytes;
    });
    for await (const chunk of await client.call(source(0).bytes, background)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(await ended).toMatchObject({ code: "canceled" });
    await waitUntil(() => answer.ended);
  });

  it("whose call is cancelled fails for its reader with the reason", async () => {
    const cause = new KitError("aborted", "enough");
    const answer = source();
    await using client = await connected(async () => answer.bytes);
    const ctx = background.withCancel();
    const read = async (): Promise<void> => {
      const bytes = (await client.call(source(0).bytes, ctx))[Symbol.asyncIterator]();
      await bytes.next();
      ctx.cancel(cause);
      await untilDone(bytes);
    };
    await expect(read()).rejects.toBe(cause);
    await waitUntil(() => answer.ended);
  });

  it("whose call is cancelled while nobody reads hurts nobody", async () => {
    const others = process.rawListeners("uncaughtException");
    const uncaught = vi.fn<(error: Error) => void>();
    process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught);
    try {
      await using client = await connected(async () => source().bytes);
      const ctx = background.withCancel();
      const bytes = await client.call(source(0).bytes, ctx);
      ctx.cancel();
      for (let n = 0; n < 5; n++) await new Promise(setImmediate);
      await expect(bytes[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "canceled" });
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener as () => void);
    }
    expect(uncaught).not.toHaveBeenCalled();
  });

  it("begins with the reply, not with what comes before it", async () => {
    const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const { url } = await lying((socket) => {
      socket.once("data", () => socket.write(`${early}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxxx`));
    });
    await using sender = make(url);
    const call = httpClient({ url, sender, stream: true, decode: ({ status, stream }) => ({ status, stream }) });
    const { status, stream } = await call(undefined, background);
    const bytes = stream![Symbol.asyncIterator]();
    expect([status, Buffer.from((await bytes.next()).value).toString()]).toEqual([200, "xxx"]);
    await untilDone(bytes);
  });

  it("that breaks off fails for its reader", async () => {
    const { url } = await lying((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxxx", () => socket.end()));
    });
    await using sender = make(url);
    const call = httpClient<undefined, Bytes>({ url, sender, stream: true, decode: ({ stream }) => stream! });
    const bytes = (await call(undefined, background))[Symbol.asyncIterator]();
    expect((await bytes.next()).value).toHaveLength(3);
    await expect(bytes.next()).rejects.toBeInstanceOf(Error);
  });

  it("whose source fails breaks off on the way there", async () => {
    let came!: () => void;
    const first = new Promise<void>((resolve) => (came = resolve));
    let failed!: (error: unknown) => void;
    const failure = new Promise((resolve) => (failed = resolve));
    const decode = async (request: HttpRequest): Promise<void> => {
      const bytes = request.stream()[Symbol.asyncIterator]();
      await bytes.next();
      came();
      await untilDone(bytes);
    };
    const { url } = await serving(httpHandler(async () => "whole", { decode, onError: failed }));
    await using sender = make(url);
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield piece;
      await first;
      throw new Error("the disk is gone");
    };
    const call = httpClient({ url, sender, encode: (__, message) => void (message.body = failing()) });
    await expect(call({}, background)).rejects.toMatchObject({ code: "unavailable" });
    expect(await failure).toMatchObject({ code: "canceled" });
  });

  it("whose source fails breaks off on the way back, and the server goes on", async () => {
    const { url } = await serving(
      streamed(async () =>
        (async function* () {
          yield piece;
          throw new Error("the disk is gone");
        })(),
      ),
    );
    await using sender = make(url);
    const call = httpClient<undefined, Bytes>({ url, sender, stream: true, decode: ({ stream }) => stream! });
    for (let n = 0; n < 2; n++) {
      const bytes = (await call(undefined, background))[Symbol.asyncIterator]();
      await expect(untilDone(bytes)).rejects.toBeInstanceOf(Error);
    }
  });
});

describe("a stream in reply", () => {
  it("keeps the call's context alive until it has been sent", async () => {
    let context!: Context;
    const send: (() => void)[] = [];
    const { url, server } = await serving(
      streamed(async (_, ctx) => {
        context = ctx;
        return (async function* () {
          yield piece;
          await new Promise<void>((resolve) => send.push(resolve));
          yield piece;
        })();
      }),
    );
    const asked = once(server, "request");
    const response = await fetch(url);
    await asked;
    await waitUntil(() => send.length === 1);
    expect(context.cancelled).toBeUndefined();
    send[0]!();
    expect((await response.arrayBuffer()).byteLength).toBe(2 * piece.byteLength);
    await waitUntil(() => context.cancelled !== undefined);
  });

  it("is closed at once for HEAD, which is answered without it", async () => {
    let closed = 0;
    const handler = streamed(async () =>
      (async function* () {
        try {
          for (;;) yield piece;
        } finally {
          closed += 1;
        }
      })(),
    );
    const { url } = await serving(handler);
    for (const ask of [fetch, (request: Request) => handler.fetch(request)]) {
      const response = await ask(new Request(url, { method: "HEAD" }));
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
    await waitUntil(() => closed === 2);
  });

  it("of nothing is an empty body", async () => {
    const handler = streamed(async () => source(0).bytes);
    const { url } = await serving(handler);
    for (const ask of [fetch, (request: Request) => handler.fetch(request)]) {
      const response = await ask(new Request(url));
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
  });

  it("is sent with the length that a hook has told", async () => {
    const handler = httpHandler(async () => source(2).bytes, {
      encode: (bytes, reply) => {
        reply.headers["content-length"] = String(2 * piece.byteLength);
        reply.body = bytes;
      },
    });
    const { url } = await serving(handler);
    const response = await fetch(url);
    expect([response.headers.get("content-length"), response.headers.get("transfer-encoding")]).toEqual([
      String(2 * piece.byteLength),
      null,
    ]);
    expect((await response.arrayBuffer()).byteLength).toBe(2 * piece.byteLength);
  });
});
