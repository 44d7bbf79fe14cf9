import { KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { httpHandler, type HttpHandlerOptions, jsonRequestDecoder } from "../src/index.ts";
import { parseJson } from "@kit/transport";

const echo = async (request: unknown): Promise<unknown> => request;

async function post(body: string | Uint8Array, options: HttpHandlerOptions<any, any> = {}): Promise<[number, unknown]> {
  const response = await httpHandler(echo, options).fetch(new Request("http://test", { method: "POST", body }));
  return [response.status, response.status === 204 ? undefined : await response.json()];
}

describe("parseJson", () => {
  it("parses what JSON can say", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('"__proto__":'));
        expect(JSON.stringify(parseJson(text))).toBe(text);
      }),
    );
  });

  it.each([
    ['{"__proto__":1}'],
    ['{"__proto__":{"polluted":true}}'],
    ['{"\\u005f_proto__":{"polluted":true}}'],
    ['{"_\\u005Fproto\\u005f_":{"polluted":true}}'],
    ['{"\\u005f\\u005f\\u0070\\u0072\\u006f\\u0074\\u006f\\u005f\\u005f":{"polluted":true}}'],
    ['[{"a":[{"b":{"__proto__":null}}]}]'],
    ['{"__proto__":1,"__proto__":2}'],
  ])("refuses the key __proto__ in %s", (text) => {
    const refusal = { code: "invalid_argument", message: 'body: the key "__proto__" is not allowed' };
    expect(() => parseJson(text)).toThrow(expect.objectContaining(refusal));
    expect(() => parseJson(text, { names: new Map([["a", "a"]]) })).toThrow(expect.objectContaining(refusal));
    expect({}).not.toHaveProperty("polluted");
  });

  it("refuses it wherever it stands", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant("["), fc.string())), (path) => {
        const text = path.reduceRight(
          (inner, key) => (key === "[" ? `[${inner}]` : `{${JSON.stringify(key)}:${inner}}`),
          '{"__proto__":1}',
        );
        expect(() => parseJson(text)).toThrow(KitError);
      }),
    );
  });

  it("takes the word elsewhere", () => {
    expect(parseJson('["__proto__",{"a":"__proto__","__proto":1,"x__proto__":2}]')).toEqual([
      "__proto__",
      { a: "__proto__", __proto: 1, x__proto__: 2 },
    ]);
  });

  it.each([["{"], ["{}{}"], ["{'a':1}"], ["nul"], ["\ufeff{}"], ["01"], ["[1,]"], ['"\u0001"'], ["NaN"]])(
    "refuses %j without repeating it",
    (text) => {
      let thrown: unknown;
      try {
        parseJson(text);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: "invalid_argument", message: "body: not valid JSON" });
    },
  );
});

describe("the decoder of JSON bodies", () => {
  it.each([
    ['{"a":1}', 200, { a: 1 }],
    ["", 204, undefined],
    ["null", 200, null],
    ["0", 200, 0],
    [" \n[] ", 200, []],
  ])("takes %j", async (body, status, value) => {
    expect(await post(body)).toEqual([status, value]);
  });

  it("takes what is no UTF-8 for what it might have been, as encoding/json does", async () => {
    expect(await post(Buffer.from([0x22, 0x61, 0xff, 0xc3, 0x28, 0x22]))).toEqual([200, "a\ufffd\ufffd("]);
  });

  it("recognises the fields it is told of whatever their case, at every level", async () => {
    const decode = jsonRequestDecoder({ caseInsensitiveKeys: ["a", "userId", "items"] });
    expect(await post('{"A":1,"USERID":"u","Items":[{"UserID":2,"Other":3}]}', { decode })).toEqual([
      200,
      { a: 1, userId: "u", items: [{ userId: 2, Other: 3 }] },
    ]);
  });

  it("lets a field in its own case win", async () => {
    const decode = jsonRequestDecoder({ caseInsensitiveKeys: ["a"] });
    expect(await post('{"A":1,"a":2}', { decode })).toEqual([200, { A: 1, a: 2 }]);
    expect(await post('{"a":2,"A":1}', { decode })).toEqual([200, { A: 1, a: 2 }]);
  });

  it("bends no prototype that way", async () => {
    const decode = jsonRequestDecoder({ caseInsensitiveKeys: ["constructor", "toString"] });
    expect(await post('{"CONSTRUCTOR":{"prototype":1},"TOSTRING":2}', { decode })).toEqual([
      200,
      { constructor: { prototype: 1 }, toString: 2 },
    ]);
    expect(await post('{"__PROTO__":1}', { decode })).toEqual([200, JSON.parse('{"__PROTO__":1}')]);
  });

  it.each([[undefined], [["a"]]])("refuses a megabyte of brackets, and one that JSON would take", async (names) => {
    const decode = jsonRequestDecoder(names && { caseInsensitiveKeys: names });
    expect((await post("[".repeat(1_000_000), { decode }))[0]).toBe(400);
    // Half a million deep: what reads it may run out of stack, and must say so.
    expect([200, 400]).toContain((await post("[".repeat(500_000) + "]".repeat(500_000), silent(decode)))[0]);
    expect(await post("1", { decode })).toEqual([200, 1]);
  });

  it("answers 500 where the reply is too deep to be said", async () => {
    expect(await post("[".repeat(500_000) + "]".repeat(500_000))).toEqual([
      500,
      { code: "unknown", message: "internal error" },
    ]);
  });
});

/** Decodes, and says nothing of what came. */
function silent(decode: ReturnType<typeof jsonRequestDecoder>): HttpHandlerOptions<any, any> {
  return { decode, encode: (_, reply) => void (reply.body = '"fine"') };
}
