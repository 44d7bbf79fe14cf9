import { background, type Endpoint, type KitError } from "@kit/endpoint";
import { type ClientOf, connectLocal, type EndpointsOf, implement } from "@kit/service";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { thriftService } from "../src/index.ts";
import { Add, Zoo } from "./add.ts";
import { AddModule, ZooModule } from "./generated.ts";

describe("thriftService", () => {
  it("takes methods, names of arguments and what is oneway from the generated module", () => {
    const codecs = Object.values(Zoo.methods).map(({ name, codec }) => [name, codec.oneway]);
    expect(Object.fromEntries(codecs)).toEqual({
      ping: false,
      feed: false,
      count: false,
      open: false,
      fail: false,
      note: true,
    });
    expect(Add.name).toBe("addsvc");
    expect(Add.methods.Sum).toMatchObject({ service: "addsvc", name: "Sum", idempotent: false });
  });

  it("refuses arguments that are not the IDL's, and names those that are", () => {
    const wrong = () => thriftService("addsvc", AddModule, { Sum: { args: ["b", "a"] }, Concat: { args: ["a", "b"] } });
    expect(wrong).toThrow(new TypeError("thriftService: args of addsvc.Sum must be [a, b], got [b,a]"));
    const missing = { Sum: {}, Concat: {} } as never;
    expect(() => thriftService("addsvc", AddModule, missing)).toThrow("args of addsvc.Sum must be [a, b]");
  });

  it("refuses a method that the module does not have, and a module that is none", () => {
    const specs = { Product: { args: [] } } as never;
    expect(() => thriftService("addsvc", AddModule, specs)).toThrow("the generated module has no method Product");
    expect(() => thriftService("addsvc", {} as never, { Sum: { args: [] } } as never)).toThrow(TypeError);
  });

  it("refuses an i64 that is neither", () => {
    const options = { i64: "string" } as never;
    const specs = { Sum: { args: ["a", "b"] }, Concat: { args: ["a", "b"] } } as const;
    expect(() => thriftService("addsvc", AddModule, specs, options)).toThrow('i64 must be "number" or "bigint"');
  });

  it("makes a service as any other, for implement and middlewares", async () => {
    const seen: string[] = [];
    const endpoints = implement(
      Add,
      { Sum: async ({ a, b }) => ({ value: a + b, err: "" }), Concat: async ({ a, b }) => ({ value: a + b, err: "" }) },
      ({ service, name }) =>
        (next) =>
        (request, ctx) => {
          seen.push(`${service}.${name}`);
          return next(request, ctx);
        },
    );
    const client = connectLocal(Add, endpoints);
    expect(await client.Sum({ a: 1, b: 2 }, background)).toEqual({ value: 3, err: "" });
    expect(seen).toEqual(["addsvc.Sum"]);
  });

  it("validates what goes in and comes out, where a schema says so", async () => {
    const Checked = thriftService("addsvc", AddModule, {
      Sum: {
        args: ["a", "b"],
        request: z.object({ a: z.int().min(0), b: z.int() }),
        response: z.object({ value: z.number().transform(String) }),
        errors: { not_found: z.object({ id: z.string() }) },
        idempotent: true,
        timeoutMs: 500,
      },
      Concat: { args: ["a", "b"] },
    });
    expect(Checked.methods.Sum).toMatchObject({ idempotent: true, timeoutMs: 500 });
    expect(Checked.methods.Sum.errors).toHaveProperty("not_found");
    const client = connectLocal(Checked, {
      Sum: async ({ a, b }) => ({ value: a + b }),
      Concat: async ({ a, b }) => ({ value: a + b, err: "" }),
    });
    expectTypeOf(client.Sum).toEqualTypeOf<Endpoint<{ a: number; b: number }, { value: string }>>();
    expect(await client.Sum({ a: 1, b: 2 }, background)).toEqual({ value: "3" });
    const refused: KitError = await client.Sum({ a: -1, b: 2 }, background).catch((error) => error);
    expect(refused).toMatchObject({ code: "invalid_argument", details: { issues: [{ path: "a" }] } });
  });
});

describe("the types", () => {
  it("of a request are the arguments by name, of a response the result; an i64 is a number", () => {
    type Sum = EndpointsOf<typeof Add>["Sum"];
    expectTypeOf<Parameters<Sum>[0]["a"]>().toEqualTypeOf<number>();
    type Result = Awaited<ReturnType<Sum>>;
    expectTypeOf<number | bigint>().toExtend<Result["value"]>();
    expectTypeOf<Result["err"]>().toEqualTypeOf<string>();
    type Call = ClientOf<typeof Add>["Sum"];
    expectTypeOf<{ a: 1; b: 2n }>().toExtend<Parameters<Call>[0]>();
    expectTypeOf<{ a: 1 }>().not.toExtend<Parameters<Call>[0]>();
    expectTypeOf<Awaited<ReturnType<Call>>["value"]>().toEqualTypeOf<number>();
  });

  it("or a bigint, if it is to be", () => {
    type Zoological = ClientOf<typeof Zoo>;
    expectTypeOf<Awaited<ReturnType<Zoological["count"]>>>().toEqualTypeOf<bigint>();
    expectTypeOf<Awaited<ReturnType<Zoological["ping"]>>>().toEqualTypeOf<void>();
    expectTypeOf<{}>().toExtend<Parameters<Zoological["open"]>[0]>();
    type Feed = Awaited<ReturnType<Zoological["feed"]>>;
    expectTypeOf<Feed["weight"]>().toEqualTypeOf<bigint | null | undefined>();
    expectTypeOf<Feed["name"]>().toEqualTypeOf<string>();
    expectTypeOf<Feed["blob"]>().toEqualTypeOf<Buffer>();
  });

  it("of an argument with a default let it be left out", () => {
    type Feed = Parameters<ClientOf<typeof Zoo>["feed"]>[0];
    expectTypeOf<Feed>().toHaveProperty("animal");
    expectTypeOf<undefined>().toExtend<Feed["colour"]>();
  });

  it("know the names of methods, and how many arguments each has", () => {
    const specs = { Concat: { args: ["a", "b"] } } as const;
    // @ts-expect-error -- Sum is missing
    if (false as boolean) thriftService("addsvc", AddModule, specs);
    // @ts-expect-error -- Sum has two arguments
    if (false as boolean) thriftService("addsvc", AddModule, { ...specs, Sum: { args: ["a"] } });
    if (false as boolean)
      // @ts-expect-error -- the IDL has no such method
      thriftService("addsvc", AddModule, { ...specs, Sum: { args: ["a", "b"] }, Product: { args: [] } });
    expect(ZooModule).toHaveProperty("Client");
  });
});
