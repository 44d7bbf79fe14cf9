import { Client, type Metadata, Server } from "@grpc/grpc-js";
import { background, type Context, contextKey, KitError } from "@kit/endpoint";
import { expect, it } from "vitest";
import {
  encodeErrorPlain,
  type GrpcClientReply,
  type GrpcClientRequest,
  grpcClient,
  grpcHandler,
  type GrpcReply,
  type GrpcRequest,
  messageCodec,
  setRequestHeader,
  setResponseHeader,
  setResponseTrailer,
} from "../src/index.ts";
import { TestRequestSchema, TestResponseSchema } from "./generated/test_pb.ts";
import { closing, insecure, listening, rejection } from "./serving.ts";

const requests = messageCodec(TestRequestSchema);
const responses = messageCodec(TestResponseSchema);
const path = "/pb.Test/Test";

/** What an IDL compiler for grpc-js writes. */
const TestService = {
  test: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: any) => Buffer.from(requests.encode(value)),
    requestDeserialize: requests.decode,
    responseSerialize: (value: any) => Buffer.from(responses.encode(value)),
    responseDeserialize: responses.decode,
  },
};
const codec = { path, serialize: requests.encode, deserialize: responses.decode };

interface Asked {
  readonly a: string;
  readonly b: bigint;
}

const test = async ({ a, b }: Asked) => ({ v: `${a} = ${b}` });
const correlation = contextKey<string>("correlation-id of the test");

it("TestGRPCClient: the value comes back, and the correlation id goes there and back through the hooks", async () => {
  const order: string[] = [];
  const handler = grpcHandler(test, {
    before: [
      (ctx: Context, request: GrpcRequest) => {
        order.push("server before");
        return ctx.with(correlation, request.header("correlation-id")!);
      },
    ],
    decode: ({ body }) => ({ a: body.a, b: body.b }),
    after: [
      setResponseHeader("My-Response-Header", "has-a-value"),
      setResponseTrailer("My-Response-Trailer", "has-a-value-too"),
      (ctx: Context, reply: GrpcReply) => {
        order.push("server after");
        reply.trailers["correlation-id-consumed"] = ctx.get(correlation)!;
      },
    ],
    encode: ({ v }, reply) => {
      order.push("server encode");
      reply.body = { v };
    },
    finalizer: [() => order.push("server finalizer")],
  });
  const { address } = await listening((server) => server.addService(TestService, { test: handler }));

  const seen: (string | undefined)[] = [];
  const call = grpcClient<Asked, string>({
    ...codec,
    address,
    credentials: insecure,
    encode: ({ a, b }, message) => {
      order.push("client encode");
      message.body = { a, b };
    },
    before: [
      setRequestHeader("Correlation-ID", "fixed"),
      (_ctx: Context, _message: GrpcClientRequest) => void order.push("client before"),
    ],
    after: [
      (_ctx: Context, reply: GrpcClientReply) => {
        order.push("client after");
        seen.push(
          reply.header("my-response-header"),
          reply.trailer("my-response-trailer"),
          reply.trailer("correlation-id-consumed"),
          reply.header("none"),
        );
      },
    ],
    decode: ({ body }) => {
      order.push("client decode");
      return body.v;
    },
    finalizer: [() => order.push("client finalizer")],
  });
  expect(await call({ a: "the answer to life the universe and everything", b: 42n }, background)).toBe(
    "the answer to life the universe and everything = 42",
  );
  expect(seen).toEqual(["has-a-value", "has-a-value-too", "fixed", undefined]);
  await expect.poll(() => order).toContain("server finalizer");
  expect(order.filter((step) => step !== "server finalizer")).toEqual([
    "client encode",
    "client before",
    "server before",
    "server after",
    "server encode",
    "client after",
    "client decode",
    "client finalizer",
  ]);
  await call[Symbol.asyncDispose]();
});

it("runs before and finalizer, but not after and encode, for a call that fails; onError hears of it", async () => {
  const ran: string[] = [];
  const note = (what: string) => () => void ran.push(what);
  const handler = grpcHandler(() => Promise.reject(new KitError("not_found", "no such thing")), {
    before: [note("before")],
    after: [note("after")],
    encode: note("encode"),
    onError: (error) => ran.push((error as Error).message),
    finalizer: [(_ctx, { error }) => ran.push(`finalizer: ${(error as Error).message}`)],
  });
  const { address } = await listening((server) => server.addService(TestService, { test: handler }));
  await using call = grpcClient({ ...codec, address, credentials: insecure, after: [note("client after")] });
  expect(await rejection(call({}, background))).toMatchObject({ code: "not_found", message: "no such thing" });
  expect(ran).toEqual(["before", "no such thing", "finalizer: no such thing"]);
});

it("says the text of every error with encodeErrorPlain, as go-kit's servers do", async () => {
  const handler = grpcHandler(() => Promise.reject(new Error("it broke")), { errorEncoder: encodeErrorPlain });
  const { address } = await listening((server) => server.addService(TestService, { test: handler }));
  await using call = grpcClient({ ...codec, address, credentials: insecure });
  expect(await rejection(call({}, background))).toMatchObject({ code: "unknown", message: "it broke" });
});

it("carries bytes in metadata whose name ends in -bin, as base64, there and back", async () => {
  const bytes = Buffer.from([0, 1, 127, 128, 255]).toString("base64");
  let seen: { readonly header: string | undefined; readonly metadata: Metadata } | undefined;
  const handler = grpcHandler(test, {
    before: [
      (_ctx, request) => {
        seen = { header: request.header("trace-bin"), metadata: request.metadata };
      },
    ],
    after: [setResponseHeader("echo-bin", bytes), setResponseTrailer("behind-bin", bytes)],
  });
  const { address } = await listening((server) => server.addService(TestService, { test: handler }));
  const back: unknown[] = [];
  await using call = grpcClient({
    ...codec,
    address,
    credentials: insecure,
    headers: { "trace-bin": bytes, many: ["a", "b"] },
    after: [(_ctx, reply) => void back.push(reply.header("echo-bin"), reply.trailer("behind-bin"))],
  });
  await call({ a: "a", b: 1n }, background);
  expect(seen!.header).toBe(bytes);
  expect(seen!.metadata.get("trace-bin")).toEqual([Buffer.from(bytes, "base64")]);
  expect(seen!.metadata.get("many")).toEqual(["a, b"]);
  expect(back).toEqual([bytes, bytes]);
});

it("shares a client of grpc-js's that it is given, and leaves it open", async () => {
  const { address } = await listening((server) => server.addService(TestService, { test: grpcHandler(test) }));
  const client = closing(new Client(address, insecure));
  const first = grpcClient({ ...codec, client });
  const second = grpcClient({ ...codec, client });
  expect((await first({ a: "a", b: 1n }, background)).v).toBe("a = 1");
  await first[Symbol.asyncDispose]();
  expect(await rejection(first({ a: "a", b: 1n }, background))).toMatchObject({ code: "unavailable", notSent: true });
  expect((await second({ a: "b", b: 2n }, background)).v).toBe("b = 2");
  client.close();
  expect(await rejection(second({ a: "a", b: 1n }, background))).toMatchObject({ code: "unavailable", notSent: true });
});

it("serves and calls the streaming kinds with whatever code was generated for them", async () => {
  const streaming = { ...TestService.test, requestStream: true, responseStream: true };
  const handler = grpcHandler(async (asked: AsyncIterable<Asked>) =>
    (async function* () {
      for await (const one of asked) yield await test(one);
    })(),
  );
  const { address } = await listening((server: Server) => server.addService({ test: streaming }, { test: handler }));
  await using call = grpcClient<AsyncIterable<Asked>, AsyncIterable<{ v: string }>>({
    ...codec,
    address,
    credentials: insecure,
    requestStream: true,
    responseStream: true,
  });
  async function* questions() {
    yield { a: "a", b: 1n };
    yield { a: "b", b: 2n };
  }
  const answers: string[] = [];
  for await (const { v } of await call(questions(), background)) answers.push(v);
  expect(answers).toEqual(["a = 1", "b = 2"]);
});

it("refuses options that cannot be, by name", () => {
  const given = { ...codec, address: "127.0.0.1:1", credentials: insecure };
  const { credentials: _credentials, ...withoutCredentials } = given;
  const { address: _address, ...withoutAddress } = given;
  expect(() => grpcClient({ ...given, path: "pb.Test.Test" })).toThrow(/path/);
  expect(() => grpcClient({ ...given, maxBytes: 0 })).toThrow(/maxBytes/);
  expect(() => grpcClient({ ...given, maxMetadataBytes: -1 })).toThrow(/maxMetadataBytes/);
  expect(() => grpcClient(withoutCredentials)).toThrow(/credentials/);
  expect(() => grpcClient(withoutAddress)).toThrow(/address/);
  for (const limit of ["maxTimeoutMs", "maxStreamMs", "maxCalls"]) {
    expect(() => grpcHandler(test, { [limit]: 0 })).toThrow(limit);
  }
});

it("refuses metadata that cannot be, before it is sent, on either side", async () => {
  const handler = grpcHandler(test, { after: [setResponseTrailer("bad", "line\nbreak")] });
  const { address } = await listening((server) => server.addService(TestService, { test: handler }));
  await using call = grpcClient({ ...codec, address, credentials: insecure });
  expect(await rejection(call({ a: "a", b: 1n }, background))).toMatchObject({ code: "invalid_argument" });
  await using wrong = grpcClient({ ...codec, address, credentials: insecure, headers: { bad: "line\nbreak" } });
  expect(await rejection(wrong({ a: "a", b: 1n }, background))).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("bad"),
  });
});
