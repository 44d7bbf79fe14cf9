import { Client } from "@grpc/grpc-js";
import { background, type Context } from "@kit/endpoint";
import fc from "fast-check";
import { createServer, type Socket } from "node:net";
import { type AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, it, onTestFinished } from "vitest";
import { grpcService } from "../src/index.ts";
import { Numbers as NumbersDescriptor } from "./generated/suite_pb.ts";
import { closing, connected, insecure, latch, listening, rejection, serving } from "./serving.ts";

const Numbers = grpcService(NumbersDescriptor);
const asItIs = (bytes: Buffer): Buffer => bytes;
const path = "/kit.test.Numbers/Square";

async function* numbers(...values: { value: number; padding?: Uint8Array }[]) {
  yield* values;
}

const endpoints = {
  square: async ({ value, padding }: { value: number; padding: Uint8Array }) => ({ value: value * value, padding }),
  count: async ({ value, padding }: { value: number; padding: Uint8Array }) => numbers({ value, padding }),
  total: async () => ({ value: 0 }),
  squares: async (asked: AsyncIterable<{ value: number; padding: Uint8Array }>) => asked,
};

/** One call of bytes that are none of ours. */
function raw(client: Client, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asItIs, asItIs, bytes, (error, reply) =>
      error === null ? resolve(reply!) : reject(error),
    );
  });
}

it("refuses a request over maxBytes before it leaves, and on arrival", async () => {
  const { client, address } = await serving(Numbers, endpoints, { maxBytes: 1_000 }, { maxBytes: 2_000 });
  const call = (bytes: number) => client.square({ value: 1, padding: new Uint8Array(bytes) }, background);
  expect((await call(900)).value).toBe(1);
  expect(await rejection(call(3_000))).toMatchObject({ code: "resource_exhausted" });
  expect(await rejection(call(1_500))).toMatchObject({ code: "resource_exhausted" });
  const sent = client.squares(numbers({ value: 1, padding: new Uint8Array(1_500) }), background);
  expect(await rejection(sent.then(read))).toMatchObject({ code: "resource_exhausted" });
  expect((await call(1)).value).toBe(1);
  expect(await rejection(raw(closing(new Client(address, insecure)), Buffer.alloc(5_000_000)))).toMatchObject({
    code: 8,
  });
});

async function read(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of items) count++;
  return count;
}

it("refuses a reply over maxBytes, on either side", async () => {
  const big = async () => ({ value: 1, padding: new Uint8Array(3_000) });
  const replies = { ...endpoints, square: big, count: async () => numbers(await big()) };
  const cautious = await serving(Numbers, replies, { maxBytes: 2_000 });
  expect(await rejection(cautious.client.square({ value: 1 }, background))).toMatchObject({
    code: "resource_exhausted",
  });
  const count = cautious.client.count({ value: 1 }, background);
  expect(await rejection(count.then(read))).toMatchObject({ code: "resource_exhausted" });
  const { address } = await serving(Numbers, replies);
  const client = connected(Numbers, address, { maxBytes: 2_000 });
  expect(await rejection(client.square({ value: 1 }, background))).toMatchObject({ code: "resource_exhausted" });
  expect(await rejection(client.count({ value: 1 }, background).then(read))).toMatchObject({
    code: "resource_exhausted",
  });
});

it(
  "answers bytes that are no message with invalid_argument, and a client takes them for internal",
  { timeout: 30_000 },
  async () => {
    const { address, client } = await serving(Numbers, { ...endpoints, square: async ({ value }) => ({ value }) });
    const peer = closing(new Client(address, insecure));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
        const outcome = await raw(peer, Buffer.from(bytes)).then(
          () => 0,
          (error: { code: number }) => error.code,
        );
        expect([0, 3]).toContain(outcome);
      }),
      { numRuns: 200 },
    );
    expect(await rejection(raw(peer, Buffer.from([0xff])))).toMatchObject({
      code: 3,
      details: "kit.test.Numbers.square: invalid request",
    });
    expect((await client.square({ value: 3 }, background)).value).toBe(3);

    const definition = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asItIs,
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
    };
    const liar = await listening((server) =>
      server.addService(
        { square: definition },
        { square: (_call: unknown, reply: any) => reply(null, Buffer.from([0xff])) },
      ),
    );
    expect(await rejection(connected(Numbers, liar.address).square({ value: 1 }, background))).toMatchObject({
      code: "internal",
      message: "kit.test.Numbers.square: invalid response",
    });
  },
);

it("takes no more calls than maxCalls at once, and answers the rest at once", async () => {
  const go = latch();
  const { client } = await serving(
    Numbers,
    { ...endpoints, square: async ({ value }) => (await go.reached, { value }) },
    { maxCalls: 3 },
  );
  const calls = [1, 2, 3, 4, 5].map((value) =>
    client.square({ value }, background).then(
      () => "done",
      (error) => error.code,
    ),
  );
  await Promise.race(calls);
  go.reach();
  expect((await Promise.all(calls)).toSorted((one, other) => one.localeCompare(other))).toEqual([
    "done",
    "done",
    "done",
    "resource_exhausted",
    "resource_exhausted",
  ]);
  expect((await client.square({ value: 1 }, background)).value).toBe(1);
});

it("holds calls to maxTimeoutMs, whatever their callers want", async () => {
  let seen: Context | undefined;
  const { client } = await serving(
    Numbers,
    { ...endpoints, square: (_, ctx) => ((seen = ctx), new Promise(() => {})) },
    { maxTimeoutMs: 100 },
  );
  using ctx = background.withTimeout(3_600_000);
  for (const caller of [ctx, background]) {
    expect(await rejection(client.square({ value: 1 }, caller))).toMatchObject({ code: "deadline_exceeded" });
    expect(seen!.cancelled).toMatchObject({ code: "deadline_exceeded" });
  }
});

it("takes a deadline that no timer can hold for none", async () => {
  const { client } = await serving(Numbers, { ...endpoints, square: async ({ value }) => ({ value }) });
  using ctx = background.withTimeout(100 * 24 * 3_600_000);
  expect((await client.square({ value: 1 }, ctx)).value).toBe(1);
});

it("says unimplemented for a method that is not there", async () => {
  const Other = grpcService({
    name: "other",
    methods: {
      none: {
        path: "/kit.test.Numbers/None",
        requestCodec: { encode: Buffer.from, decode: String },
        responseCodec: { encode: Buffer.from, decode: String },
      },
    },
  });
  const { address } = await serving(Numbers, endpoints);
  expect(await rejection(connected(Other, address).none("", background))).toMatchObject({ code: "unimplemented" });
});

it("refuses to serve what the server has already, and options that cannot be", async () => {
  await expect(serving(Numbers, endpoints, { maxBytes: 0 })).rejects.toThrow("maxBytes");
  await expect(serving(Numbers, endpoints, { maxCalls: Number.NaN })).rejects.toThrow("maxCalls");
  const { server } = await serving(Numbers, endpoints);
  const { serveGrpc } = await import("../src/index.ts");
  expect(() => serveGrpc(Numbers, endpoints, { server })).toThrow(/serveGrpc: kit\.test\.Numbers/);
});

it("survives a peer that speaks no HTTP/2, on either side", async () => {
  const sockets = new Set<Socket>();
  const garbage = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.write("220 this is no gRPC\r\n".repeat(100));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    garbage.close();
  });
  await once(garbage, "listening");
  const client = connected(Numbers, `127.0.0.1:${(garbage.address() as AddressInfo).port}`);
  using ctx = background.withTimeout(3_000);
  expect(["unavailable", "deadline_exceeded", "internal"]).toContain(
    (await rejection(client.square({ value: 1 }, ctx))).code,
  );

  const { address, client: good } = await serving(Numbers, endpoints);
  const { connect } = await import("node:net");
  const stranger = connect(Number(address.split(":")[1]), "127.0.0.1").on("error", () => {});
  stranger.end("GET / HTTP/1.1\r\n\r\n".repeat(1_000));
  await once(stranger.resume(), "close");
  expect((await good.square({ value: 2 }, background)).value).toBe(4);
});

it("knows that a request never left", async () => {
  const client = connected(Numbers, "127.0.0.1:1");
  const error = await rejection(client.square({ value: 1 }, background));
  expect(error).toMatchObject({ code: "unavailable", message: "no connection to the server", notSent: true });
  expect(await rejection(client.count({ value: 1 }, background))).toMatchObject({ code: "unavailable", notSent: true });
});
