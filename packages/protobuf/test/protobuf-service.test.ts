import { create } from "@bufbuild/protobuf";
import { Int32ValueSchema, StringValueSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { background, type Endpoint } from "@kit/endpoint";
import { connectLocal, type EndpointsOf, implement } from "@kit/service";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { binaryMethod, type MessageCodec, messageCodec, protobufService } from "../src/index.ts";

const text: MessageCodec<string, string> = { encode: (value) => Buffer.from(value), decode: (bytes) => String(bytes) };
const Texts = protobufService({
  name: "texts",
  methods: {
    upper: { path: "/t.Texts/Upper", requestCodec: text, responseCodec: text, idempotent: true, timeoutMs: 500 },
    split: { path: "/t.Texts/Split", requestCodec: text, responseCodec: text, responseStream: true },
    even: {
      path: "/t.Texts/Even",
      requestCodec: messageCodec(Int32ValueSchema),
      responseCodec: messageCodec(StringValueSchema),
      request: z.custom<{ value: number }>((message) => (message as { value: number }).value % 2 === 0, "not even"),
    },
  },
});

describe("a service out of an IDL", () => {
  it("has the types of its codecs", () => {
    type Endpoints = EndpointsOf<typeof Texts>;
    expectTypeOf<Endpoints["upper"]>().toEqualTypeOf<Endpoint<string, string>>();
    expectTypeOf<Endpoints["split"]>().toEqualTypeOf<Endpoint<string, AsyncIterable<string>>>();
  });

  it("describes each method as transports and middlewares need it", () => {
    const { upper, split } = Texts.methods;
    expect(upper).toMatchObject({ service: "texts", name: "upper", path: "/t.Texts/Upper", idempotent: true });
    expect([upper.timeoutMs, upper.requestStream, split.responseStream]).toEqual([500, false, true]);
  });

  it("is implemented and connected to as any other where its methods are unary", async () => {
    const endpoints = implement(Texts, {
      upper: async (value) => value.toUpperCase(),
      split: async (value) =>
        (async function* () {
          yield* value;
        })(),
      even: async ({ value }) => ({ value: String(value) }),
    });
    const client = connectLocal(Texts, endpoints);
    expect(await client.upper("straße", background)).toBe("STRASSE");
    await expect(client.split("abc", background)).rejects.toMatchObject({ code: "unimplemented" });
  });

  it.each([
    [{ path: "t.T.M" }, /path of t\.one/],
    [{ requestCodec: undefined }, /requestCodec/],
    [{ timeoutMs: -1 }, /timeoutMs of t\.one/],
    [{ idempotnet: true }, /idempotnet/],
  ])("refuses %j by name", (wrong, message) => {
    const method: any = { path: "/t.T/M", requestCodec: text, responseCodec: text, ...wrong };
    expect(() => protobufService({ name: "t", methods: { one: method } })).toThrow(message);
  });
});

describe("a method as bytes", () => {
  const upper = binaryMethod(Texts.methods.upper, 10);
  const even = binaryMethod(Texts.methods.even, 100);

  it("crosses as its codecs say", () => {
    expect(String(upper.request.encode!("abc"))).toBe("abc");
    expect(upper.response.decode(Buffer.from("ABC"))).toBe("ABC");
    expect(even.request.decode(even.request.encode!({ value: 4 }) as Buffer)).toMatchObject({ value: 4 });
  });

  it("is checked where it enters", () => {
    const three = even.request.encode!({ value: 3 });
    expect(() => even.request.decode(three)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    const garbage = Buffer.from([0xff, 0xff]);
    expect(() => even.request.decode(garbage)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    expect(() => even.response.decode(garbage)).toThrow(expect.objectContaining({ code: "internal" }));
  });

  it("is bounded either way", () => {
    for (const cross of [upper.request.encode!, upper.response.decode]) {
      const long = cross === upper.response.decode ? Buffer.alloc(11) : "x".repeat(11);
      expect(() => cross(long as never)).toThrow(expect.objectContaining({ code: "resource_exhausted" }));
    }
  });

  it("streams item by item, and leaves its source when it is left", async () => {
    const { response, timeoutMs } = binaryMethod({ ...Texts.methods.split, timeoutMs: 5 }, 10);
    let left = false;
    async function* letters() {
      try {
        yield "a";
        yield "b";
      } finally {
        left = true;
      }
    }
    for await (const item of response.encode!(letters()) as AsyncIterable<Buffer>) {
      expect(String(item)).toBe("a");
      break;
    }
    expect([left, timeoutMs]).toEqual([true, undefined]);
  });
});

it("encodes an initialiser as the message it stands for", () => {
  const codec = messageCodec(StructSchema);
  const bytes = codec.encode({ fields: { a: { kind: { case: "numberValue", value: 1 } } } });
  expect(codec.decode(bytes)).toEqual(
    create(StructSchema, { fields: { a: { kind: { case: "numberValue", value: 1 } } } }),
  );
  expect(() => codec.decode(Buffer.from([0x0a, 0xff]))).toThrow(Error);
});
