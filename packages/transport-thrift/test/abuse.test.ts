import { background, codeOf, type Context, KitError } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import { connectThrift, serveThrift, type ServeThriftOptions } from "../src/index.ts";
import { Add, serveAdd, Zoo } from "./add.ts";
import { serving } from "./serving.ts";
import { binary, framed, i32, sumArgs, sumReply, type, wire } from "./wire.ts";

/** Addsvc, and what its `onError` has heard. */
async function served(options: ServeThriftOptions = {}) {
  const heard: { code: string; message: string }[] = [];
  const onError = (error: unknown): void => void heard.push({ code: codeOf(error), message: (error as Error).message });
  return { heard, ...(await serving(serveAdd({ onError, ...options }))) };
}

/** Its Sum waits until the test lets it go. */
async function slow(options: ServeThriftOptions = {}) {
  const waiting: { readonly ctx: Context; readonly answer: () => void }[] = [];
  const handler = serveThrift(
    Add,
    {
      Sum: ({ a }, ctx) =>
        new Promise((resolve) => void waiting.push({ ctx, answer: () => resolve({ value: a, err: "" }) })),
      Concat: async ({ a, b }) => ({ value: a + b, err: "" }),
    },
    options,
  );
  const asked = (count: number): Promise<boolean> =>
    vi.waitUntil(() => waiting.length >= count, { timeout: 10_000, interval: 1 });
  return { waiting, asked, ...(await serving(handler)) };
}

/** A message with THeader: of headers, and whatever else is to be in their section. */
function withHeaders(message: Buffer, section: Buffer, id = 1): Buffer {
  const padded = Buffer.concat([section, Buffer.alloc((4 - (section.length % 4)) % 4)]);
  const words = Buffer.from([padded.length / 4 / 256, (padded.length / 4) % 256]);
  return framed(Buffer.concat([Buffer.from([0x0f, 0xff, 0, 0]), i32(id), words, padded, message]));
}

const info = (headers: Record<string, string>): Buffer => {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const pairs = Object.entries(headers).flatMap(([name, value]) => [text(name), text(value)]);
  return Buffer.concat([Buffer.from([0, 0, 1, pairs.length / 2]), ...pairs]);
};

describe("a server", () => {
  it.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: test\r\n\r\n"), "resource_exhausted"],
    ["TLS", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]), "resource_exhausted"],
    ["a huge length", Buffer.from([0x7f, 0xff, 0xff, 0xff]), "resource_exhausted"],
    ["a negative length", Buffer.from([0xff, 0xff, 0xff, 0xff]), "resource_exhausted"],
    ["a frame of nothing", i32(0), "invalid_argument"],
    ["a frame of garbage", framed(Buffer.from("garbage")), "invalid_argument"],
    ["binary of an old version", framed(Buffer.concat([i32(3), Buffer.from("Sum"), i32(1)])), "invalid_argument"],
    [
      "a version of binary that is none",
      framed(Buffer.concat([Buffer.from([0x80, 2, 0, 1]), i32(0)])),
      "invalid_argument",
    ],
    ["a version of compact that is none", framed(Buffer.from([0x82, 0x3f, 1, 0, 0, 0])), "invalid_argument"],
    ["JSON that is none", framed(Buffer.from("[1,{]")), "invalid_argument"],
    ["JSON without a name", framed(Buffer.from("[1,2,3,4,{}]")), "invalid_argument"],
    ["JSON of another version", framed(Buffer.from('[2,"Sum",1,4,{}]')), "invalid_argument"],
    ["a reply", framed(binary("Sum", type.reply, 1, sumReply(1))), "invalid_argument"],
    [
      "a name longer than its frame",
      framed(Buffer.concat([Buffer.from([0x80, 1, 0, 1]), i32(1_000_000)])),
      "invalid_argument",
    ],
    [
      "headers longer than their frame",
      framed(Buffer.from([0x0f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff])),
      "invalid_argument",
    ],
    [
      "headers of an unknown protocol",
      withHeaders(binary("Sum", type.call, 1), Buffer.from([9, 0])),
      "invalid_argument",
    ],
    ["transforms", withHeaders(binary("Sum", type.call, 1), Buffer.from([0, 1, 1])), "unimplemented"],
  ])("closes a connection that sends %s, says why, and serves others", async (_, bytes, code) => {
    const { heard, port, address } = await served();
    const peer = await wire(port);
    peer.send(bytes);
    expect(await peer.all()).toHaveLength(0);
    expect(heard.map((error) => error.code)).toEqual([code]);
    await using client = connectThrift(Add, { address });
    expect((await client.Sum({ a: 1, b: 2 }, background)).value).toBe(3);
  });

  it("refuses arguments that do not fit, and reads on where frames say where", async () => {
    const { heard, port } = await served();
    const peer = await wire(port);
    const broken = framed(binary("Sum", type.call, 1, Buffer.from([10, 0, 1, 0])));
    peer.send(Buffer.concat([broken, framed(binary("Sum", type.call, 2, sumArgs(1, 2)))]));
    const replies = (await peer.received(broken.length + 20)).toString("latin1");
    expect(replies).toContain("invalid_argument: thrift: Sum: the message ends too early");
    const good = framed(binary("Sum", type.reply, 2));
    await vi.waitUntil(async () => (await peer.received(1)).includes(good.subarray(4, 19)));
    expect(heard).toEqual([{ code: "invalid_argument", message: expect.any(String) }]);
  });

  it("allocates and loops for no more than can be there", async () => {
    const zoo = serveThrift(Zoo, {
      ping: async () => {},
      feed: async ({ animal }) => animal,
      count: async ({ n }) => n,
      open: async () => true,
      fail: async () => {},
      note: async () => {},
    });
    const { port } = await serving(zoo);
    const list = (field: number, element: number): Buffer =>
      Buffer.concat([Buffer.from([15, 0, field, element]), i32(0x7fff_ffff)]);
    const map = Buffer.concat([Buffer.from([13, 0, 99, 11, 11]), i32(0x7fff_ffff)]);
    const json = Buffer.from('[1,"feed",1,1,{"1":{"lst":["i64",2000000000,1]}}]');
    const proto = Buffer.from('[1,"count",1,1,{"1":{"i64":1},"__proto__":{"2":{"i32":5}}}]');
    for (const body of [list(1, 10), list(99, 2), list(99, 12), map, Buffer.from([15, 0, 1, 10, 255, 255, 255, 255])]) {
      const peer = await wire(port);
      peer.send(framed(binary("feed", type.call, 1, body)));
      expect((await peer.received(20)).toString("latin1")).toContain("invalid_argument: thrift: ");
      peer.socket.destroy();
    }
    for (const [message, expected] of [
      [json, "invalid_argument: thrift: "],
      [proto, '[1,"count",2,1'],
    ] as const) {
      const peer = await wire(port);
      peer.send(framed(message));
      expect((await peer.received(20)).toString("latin1")).toContain(expected);
    }
  });

  it("survives nesting without end", async () => {
    const { port, address } = await served();
    const peer = await wire(port);
    peer.send(
      framed(
        binary("Sum", type.call, 1, Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i % 3 === 0 ? 12 : 9)))),
      ),
    );
    expect((await peer.received(20)).toString("latin1")).toContain("invalid_argument");
    const deep = await wire(port);
    deep.send(framed(Buffer.from(`[1,"Sum",1,1,${'{"9":{"rec":'.repeat(50_000)}`)));
    expect(await deep.all()).toHaveLength(0);
    await using client = connectThrift(Add, { address });
    expect((await client.Sum({ a: 1, b: 2 }, background)).value).toBe(3);
  });

  it("takes no message over its limit, framed or not", async () => {
    const { heard, port } = await served({ maxBytes: 1_000 });
    const long = binary(
      "Concat",
      type.call,
      1,
      Buffer.concat([Buffer.from([11, 0, 1]), i32(2_000), Buffer.alloc(2_000)]),
    );
    for (const message of [framed(long), long, Buffer.from(`[1,"Concat",1,1,{"1":{"str":"${"x".repeat(2_000)}`)]) {
      const peer = await wire(port);
      peer.send(message);
      expect(await peer.all()).toHaveLength(0);
    }
    expect(heard.map(({ code }) => code)).toEqual(Array<string>(3).fill("resource_exhausted"));
  });

  it("answers what has no room in its reply with the reason", async () => {
    const { address } = await served({ maxBytes: 1_000 });
    await using client = connectThrift(Add, { address, framing: "framed" });
    const answer = client.Concat({ a: "x".repeat(450), b: "y".repeat(450) }, background);
    expect((await answer).value).toHaveLength(900);
    await using big = connectThrift(Add, { address, framing: "framed" });
    const handler = serveThrift(
      Add,
      { Sum: async () => ({ value: 1, err: "x".repeat(2_000) }), Concat: async () => ({ value: "", err: "" }) },
      { maxBytes: 1_000 },
    );
    const other = await serving(handler);
    await using client2 = connectThrift(Add, { address: other.address });
    await expect(client2.Sum({ a: 1, b: 1 }, background)).rejects.toMatchObject({ code: "resource_exhausted" });
    expect((await big.Sum({ a: 1, b: 1 }, background)).value).toBe(2);
  });

  it("reads no more calls than it may have in hand, and goes on when one is answered", async () => {
    const { port, waiting, asked } = await slow({ maxCalls: 2 });
    const peer = await wire(port);
    for (const id of [1, 2, 3, 4]) peer.send(framed(binary("Sum", type.call, id, sumArgs(id, 0))));
    await asked(2);
    // A round trip on another connection: whatever this one had to be read is read.
    const other = await wire(port);
    other.send(framed(binary("Concat", type.call, 1)));
    await other.received(10);
    expect(waiting).toHaveLength(2);
    waiting[0]!.answer();
    await asked(3);
    waiting[1]!.answer();
    await asked(4);
    for (const { answer } of waiting) answer();
    await peer.received(4 * framed(binary("Sum", type.reply, 1, sumReply(1))).length);
  });

  it("reads nothing from a peer that does not take its replies, and holds little for it", async () => {
    let answered = 0;
    const handler = serveThrift(
      Add,
      {
        Sum: async ({ a }) => ({ value: a, err: "" }),
        async Concat() {
          answered++;
          return { value: "x".repeat(200_000), err: "" };
        },
      },
      { maxCalls: 8 },
    );
    const { port } = await serving(handler);
    const peer = await wire(port);
    peer.socket.pause();
    const calls = Array.from({ length: 300 }, (_, id) => framed(binary("Concat", type.call, id)));
    peer.send(Buffer.concat(calls));
    // Until the kernel's buffers are full and no more comes of it.
    let before = -1;
    const full = (): boolean => {
      const idle = answered > 0 && answered === before;
      before = answered;
      return idle;
    };
    await vi.waitUntil(full, { timeout: 20_000, interval: 200 });
    expect(answered).toBeLessThan(200);
    let bytes = 0;
    peer.socket
      .removeAllListeners("data")
      .on("data", (chunk: Buffer) => (bytes += chunk.length))
      .resume();
    await vi.waitUntil(() => bytes >= 300 * 200_000, { timeout: 20_000 });
    expect(answered).toBe(300);
  }, 60_000);

  it("ends the contexts of a caller that goes away", async () => {
    const { port, waiting, asked } = await slow();
    const peer = await wire(port);
    peer.send(framed(binary("Sum", type.call, 1, sumArgs(1, 0))));
    await asked(1);
    const ended = new Promise<Error>((resolve) => void waiting[0]!.ctx.onCancel(resolve));
    peer.socket.destroy();
    expect(await ended).toMatchObject({ code: "canceled", message: "the caller went away" });
    waiting[0]!.answer();
  });

  it("ends a call at the time its caller or the server allows, and answers so", async () => {
    const { port, waiting } = await slow({ maxTimeoutMs: 40 });
    const peer = await wire(port);
    const call = binary("Sum", type.call, 1, sumArgs(1, 0));
    for (const headers of [{}, { "Timeout-Ms": "10" }, { "timeout-ms": "9999999999" }])
      peer.send(withHeaders(call, info(headers)));
    const isThere = async (): Promise<boolean> =>
      (await peer.received(1)).toString("latin1").split("deadline_exceeded: context deadline exceeded").length === 4;
    await vi.waitUntil(isThere, { timeout: 10_000 });
    expect(waiting).toHaveLength(3);
  });

  it("refuses a call whose time is over, and a time that is none", async () => {
    const { port, waiting } = await slow();
    const peer = await wire(port);
    peer.send(withHeaders(binary("Sum", type.call, 1, sumArgs(1, 0)), info({ "timeout-ms": "0" })));
    await vi.waitUntil(async () => (await peer.received(1)).includes("deadline_exceeded"), { timeout: 10_000 });
    peer.send(withHeaders(binary("Sum", type.call, 2, sumArgs(1, 0)), info({ "timeout-ms": "soon" })));
    const refused = "invalid_argument: timeout-ms: not a number of milliseconds";
    await vi.waitUntil(async () => (await peer.received(1)).includes(refused), { timeout: 10_000 });
    expect(waiting).toHaveLength(0);
  });

  it("tells apart what peers speak, on one port", async () => {
    const { address } = await served();
    for (const protocol of ["binary", "compact", "json"] as const) {
      for (const framing of ["header", "framed", "buffered"] as const) {
        await using client = connectThrift(Add, { address, protocol, framing });
        expect((await client.Concat({ a: "€".repeat(50_000), b: "!" }, background)).value).toHaveLength(50_001);
      }
    }
  });

  it("sends no stack and no secret of what failed", async () => {
    const handler = serveThrift(Add, {
      Sum: () => {
        throw new Error("swordfish");
      },
      Concat: () => Promise.reject(new KitError("internal", "said", { cause: new Error("swordfish") })),
    });
    const { port } = await serving(handler);
    for (const [name, said] of [
      ["Sum", "unknown: internal error"],
      ["Concat", "internal: said"],
    ] as const) {
      const peer = await wire(port);
      peer.send(withHeaders(binary(name, type.call, 1), info({})));
      await vi.waitUntil(async () => (await peer.received(1)).includes(said), { timeout: 10_000 });
      expect((await peer.received(1)).toString("latin1")).not.toContain("swordfish");
    }
  });
});
