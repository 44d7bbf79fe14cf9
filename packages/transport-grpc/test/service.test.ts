import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { background, type Endpoint, KitError } from "@kit/endpoint";
import { type ClientOf, connectLocal, type DeclaredError, type EndpointsOf, implement } from "@kit/service";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { type GrpcCodec, grpcService } from "../src/index.ts";
import {
  type NumberSchema,
  Numbers as NumbersDescriptor,
  Suite as SuiteDescriptor,
  type Number as NumberMessage,
} from "./generated/suite_pb.ts";
import { rejection, serving } from "./serving.ts";

const Numbers = grpcService(NumbersDescriptor, {
  square: { timeoutMs: 500, errors: { not_found: z.object({ id: z.number() }) } },
});
type Init = MessageInitShape<typeof NumberSchema>;

const text: GrpcCodec<string, string> = { encode: (value) => Buffer.from(value), decode: (bytes) => String(bytes) };
const Texts = grpcService({
  name: "texts",
  methods: {
    upper: { path: "/t.Texts/Upper", requestCodec: text, responseCodec: text, idempotent: true },
    split: { path: "/t.Texts/Split", requestCodec: text, responseCodec: text, responseStream: true },
  },
});

describe("the types", () => {
  it("of a service are those of its IDL, from either side", () => {
    type Endpoints = EndpointsOf<typeof Numbers>;
    expectTypeOf<Endpoints["square"]>().toEqualTypeOf<Endpoint<NumberMessage, Init>>();
    expectTypeOf<Endpoints["count"]>().toEqualTypeOf<Endpoint<NumberMessage, AsyncIterable<Init>>>();
    expectTypeOf<Endpoints["total"]>().toEqualTypeOf<Endpoint<AsyncIterable<NumberMessage>, Init>>();
    expectTypeOf<Endpoints["squares"]>().toEqualTypeOf<Endpoint<AsyncIterable<NumberMessage>, AsyncIterable<Init>>>();
    type Client = ClientOf<typeof Numbers>;
    expectTypeOf<Client["square"]>().toEqualTypeOf<Endpoint<Init, NumberMessage>>();
    expectTypeOf<Client["squares"]>().toEqualTypeOf<Endpoint<AsyncIterable<Init>, AsyncIterable<NumberMessage>>>();
    expectTypeOf<MessageShape<typeof NumberSchema>>().toEqualTypeOf<NumberMessage>();
    expectTypeOf<Client>().toExtend<AsyncDisposable>();
    expectTypeOf<DeclaredError<typeof Numbers.methods.square>["details"]>().toEqualTypeOf<{ id: number }>();
    expectTypeOf<DeclaredError<typeof Numbers.methods.count>>().toBeNever();
  });

  it("of a service are those of its codecs", () => {
    type Endpoints = EndpointsOf<typeof Texts>;
    expectTypeOf<Endpoints["upper"]>().toEqualTypeOf<Endpoint<string, string>>();
    expectTypeOf<Endpoints["split"]>().toEqualTypeOf<Endpoint<string, AsyncIterable<string>>>();
  });

  it("refuse a method that is not there, and an endpoint that is not", () => {
    // @ts-expect-error -- no such method
    expect(() => grpcService(NumbersDescriptor, { cube: {} })).toThrow("no method cube");
    // @ts-expect-error -- endpoints are missing
    expect(() => implement(Numbers, {})).toThrow("square");
  });
});

it("describes each method as transports and middlewares need it", () => {
  const { square, count, total, squares } = Numbers.methods;
  expect(Numbers.name).toBe("kit.test.Numbers");
  expect(square).toMatchObject({ service: "kit.test.Numbers", name: "square", path: "/kit.test.Numbers/Square" });
  expect(square).toMatchObject({ idempotent: true, timeoutMs: 500, requestStream: false, responseStream: false });
  expect(count).toMatchObject({ idempotent: false, timeoutMs: undefined, requestStream: false, responseStream: true });
  expect(total).toMatchObject({ requestStream: true, responseStream: false });
  expect(squares).toMatchObject({ requestStream: true, responseStream: true });
  expect(Texts.methods.upper.idempotent).toBe(true);
});

it("is implemented and wrapped as any service, and connected to in the process", async () => {
  const Suite = grpcService(SuiteDescriptor);
  const called: string[] = [];
  const nowhere = async (): Promise<never> => {
    throw new KitError("unimplemented", "not here");
  };
  const endpoints = implement(
    Suite,
    {
      add: async ({ a, b }) => ({ sum: a + b }),
      echo: nowhere,
      fail: nowhere,
      unknownError: nowhere,
      slow: nowhere,
      carried: nowhere,
      callInfo: nowhere,
    },
    ({ name }) =>
      (next) =>
      (request, ctx) => {
        called.push(name);
        return next(request, ctx);
      },
  );
  for (const client of [connectLocal(Suite, endpoints), (await serving(Suite, endpoints)).client]) {
    expect((await client.add({ a: 2n ** 60n, b: 1n }, background)).sum).toBe(2n ** 60n + 1n);
    expect(await rejection(client.slow({ id: "a" }, background))).toMatchObject({ code: "unimplemented" });
  }
  expect(called).toEqual(["add", "slow", "add", "slow"]);
});

it("says that a stream crosses gRPC only", async () => {
  const count = async () => (async function* () {})();
  const endpoints: any = { square: count, count, total: count, squares: count };
  const client = connectLocal(Numbers, endpoints);
  expect(await rejection(client.count({ value: 1 }, background))).toMatchObject({ code: "unimplemented" });
});

it("serves what any other generator made, by codecs", async () => {
  const { client } = await serving(Texts, {
    upper: async (value) => value.toUpperCase(),
    split: async (value) =>
      (async function* () {
        yield* value;
      })(),
  });
  expect(await client.upper("straße", background)).toBe("STRASSE");
  const letters: string[] = [];
  for await (const letter of await client.split("abc", background)) letters.push(letter);
  expect(letters).toEqual(["a", "b", "c"]);
});

it("checks requests with a schema where they enter, those of a stream one by one", async () => {
  const even = z.custom<NumberMessage>((message) => (message as NumberMessage).value % 2 === 0, "not even");
  const Even = grpcService(NumbersDescriptor, { square: { request: even }, total: { request: even } });
  const { client } = await serving(Even, {
    square: async ({ value }) => ({ value: value * value }),
    count: () => Promise.reject(new Error("not called")),
    async total(numbers) {
      let value = 0;
      for await (const number of numbers) value += number.value;
      return { value };
    },
    squares: () => Promise.reject(new Error("not called")),
  });
  expect((await client.square({ value: 4 }, background)).value).toBe(16);
  expect(await rejection(client.square({ value: 3 }, background))).toMatchObject({
    code: "invalid_argument",
    details: { issues: [{ path: "", message: "not even" }] },
  });
  async function* requests() {
    yield { value: 2 };
    yield { value: 3 };
  }
  expect(await rejection(client.total(requests(), background))).toMatchObject({ code: "invalid_argument" });
});

it("refuses what cannot be a contract, by name", () => {
  const method = { path: "/t.T/M", requestCodec: text, responseCodec: text };
  const of = (one: any) => () => grpcService({ name: "t", methods: { one } });
  expect(of({ ...method, path: "t.T.M" })).toThrow(/path of t\.one/);
  expect(of({ ...method, requestCodec: undefined })).toThrow(/requestCodec/);
  expect(of({ ...method, timeoutMs: -1 })).toThrow(/timeoutMs of t\.one/);
  expect(of({ ...method, idempotnet: true })).toThrow(/idempotnet/);
});
