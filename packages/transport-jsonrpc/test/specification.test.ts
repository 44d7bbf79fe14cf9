import { KitError } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { jsonrpcHandler, type JsonrpcHandlerOptions } from "../src/index.ts";
import { post, serving } from "./serving.ts";

const notified: unknown[] = [];
const methods = {
  subtract: {
    decode: (params: unknown) =>
      Array.isArray(params) ? { minuend: params[0], subtrahend: params[1] } : (params as Operands),
    endpoint: async ({ minuend, subtrahend }: Operands) => minuend - subtrahend,
  },
  sum: { endpoint: async (numbers: number[]) => numbers.reduce((a, b) => a + b, 0) },
  update: { endpoint: async (params: unknown) => void notified.push(params) },
  get_data: { endpoint: async () => ["hello", 5] },
  fail: { endpoint: () => Promise.reject(new KitError("not_found", "nobody", { details: { id: 1 } })) },
  secret: { endpoint: () => Promise.reject(new Error("password 1234")) },
  endless: { endpoint: () => new Promise<never>(() => {}) },
  unsayable: { endpoint: async () => 1n },
};

interface Operands {
  readonly minuend: number;
  readonly subtrahend: number;
}

const asked = async (body: unknown, options: JsonrpcHandlerOptions = {}, headers = {}) => {
  const url = await serving(jsonrpcHandler(methods, options));
  const reply = await post(url, typeof body === "string" ? body : JSON.stringify(body), headers);
  return { ...reply, json: reply.text === "" ? undefined : JSON.parse(reply.text) };
};

const call = (method: string, params?: unknown, id: unknown = 1): object => ({ jsonrpc: "2.0", method, params, id });

describe("the specification's examples", () => {
  it.each([
    ["positional parameters", [42, 23], 19],
    ["positional parameters, the other way", [23, 42], -19],
    ["named parameters", { subtrahend: 23, minuend: 42 }, 19],
  ])("answers a call with %s", async (_, params, result) => {
    const { status, headers, json } = await asked(call("subtract", params));
    expect([status, headers.get("content-type")]).toEqual([200, "application/json; charset=utf-8"]);
    expect(json).toEqual({ jsonrpc: "2.0", result, id: 1 });
  });

  it("runs a notification and answers nothing", async () => {
    const { status, text } = await asked({ jsonrpc: "2.0", method: "update", params: [1, 2, 3] });
    expect([status, text]).toEqual([204, ""]);
    expect(notified.at(-1)).toEqual([1, 2, 3]);
  });

  it("answers nothing to a notification of a method that there is not", async () => {
    expect(await asked({ jsonrpc: "2.0", method: "foobar" })).toMatchObject({ status: 204, text: "" });
  });

  it("answers a call of a method that there is not", async () => {
    expect((await asked(call("foobar", undefined, "1"))).json).toMatchObject({
      error: { code: -32601, message: "Method foobar was not found.", data: { code: "unimplemented" } },
      id: "1",
    });
  });

  it.each(['{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', "", "[", '[{"jsonrpc": "2.0", "method"'])(
    "answers %j, which is no JSON",
    async (body) => {
      const { status, json } = await asked(body);
      expect(status).toBe(200);
      expect(json).toMatchObject({ jsonrpc: "2.0", error: { code: -32700 }, id: null });
    },
  );

  it.each([
    { jsonrpc: "2.0", method: 1, params: "bar" },
    { method: "sum", params: [1], id: null },
    { jsonrpc: "1.0", method: "sum", params: [1], id: null },
    null,
    1,
    "text",
    [],
  ])("answers %j, which is no call", async (body) => {
    expect((await asked(JSON.stringify(body))).json).toMatchObject({ error: { code: -32600 }, id: null });
  });

  it("answers each element of a batch that is none", async () => {
    const { json } = await asked([1, 2, 3]);
    expect(json).toHaveLength(3);
    for (const one of json) expect(one).toMatchObject({ error: { code: -32600 }, id: null });
  });

  it("answers a batch, but for its notifications", async () => {
    const { json } = await asked([
      call("sum", [1, 2, 4], "1"),
      { jsonrpc: "2.0", method: "update", params: [7] },
      call("subtract", [42, 23], "2"),
      { foo: "boo" },
      call("foo.get", { name: "myself" }, "5"),
      call("get_data", undefined, "9"),
    ]);
    expect(json).toEqual([
      { jsonrpc: "2.0", result: 7, id: "1" },
      { jsonrpc: "2.0", result: 19, id: "2" },
      { jsonrpc: "2.0", error: expect.objectContaining({ code: -32600 }), id: null },
      { jsonrpc: "2.0", error: expect.objectContaining({ code: -32601 }), id: "5" },
      { jsonrpc: "2.0", result: ["hello", 5], id: "9" },
    ]);
  });

  it("answers nothing to a batch of notifications", async () => {
    const { status, text } = await asked([
      { jsonrpc: "2.0", method: "update", params: [1] },
      { jsonrpc: "2.0", method: "update", params: [2] },
    ]);
    expect([status, text]).toEqual([204, ""]);
  });
});

describe("a JSON-RPC server", () => {
  it.each([0, -5, 1.5, "", "a", null, Number.MAX_SAFE_INTEGER])("gives the id %j back as it came", async (id) => {
    expect((await asked(call("sum", [1], id))).json).toEqual({ jsonrpc: "2.0", result: 1, id });
  });

  it.each([["true"], ["{}"], ["[1]"], ["9007199254740993"], ["1e400"]])("takes no id %s", async (id) => {
    const { json } = await asked(`{"jsonrpc":"2.0","method":"sum","params":[1],"id":${id}}`);
    expect(json).toMatchObject({ error: { code: -32600 }, id: null });
  });

  it("says null where a method has nothing to say", async () => {
    expect((await asked(call("update", [1]))).json).toEqual({ jsonrpc: "2.0", result: null, id: 1 });
  });

  it("tells code, message and details of a KitError, and of any other that it is unknown", async () => {
    expect((await asked(call("fail"))).json.error).toEqual({
      code: -32000,
      message: "nobody",
      data: { code: "not_found", details: { id: 1 } },
    });
    const { text } = await asked(call("secret"));
    expect(text).not.toContain("1234");
    expect(JSON.parse(text).error).toEqual({ code: -32603, message: "internal error", data: { code: "unknown" } });
  });

  it("answers a response that JSON cannot say with an error, and the rest of its batch as ever", async () => {
    const { json } = await asked([call("unsayable"), call("sum", [1], 2)]);
    expect(json).toEqual([
      { jsonrpc: "2.0", error: expect.objectContaining({ code: -32603 }), id: 1 },
      { jsonrpc: "2.0", result: 1, id: 2 },
    ]);
  });

  it("answers by its id a call whose time is up", async () => {
    const { status, json } = await asked(call("endless", undefined, "slow"), {}, { "connect-timeout-ms": "50" });
    expect(status).toBe(200);
    expect(json).toMatchObject({ error: { data: { code: "deadline_exceeded" } }, id: "slow" });
  });

  it("refuses a batch beyond its bound, and runs none of it", async () => {
    const before = notified.length;
    const batch = Array.from({ length: 4 }, () => ({ jsonrpc: "2.0", method: "update" }));
    const { json } = await asked(batch, { maxBatch: 3 });
    expect(json).toMatchObject({ error: { code: -32600, message: "request: more than 3 calls" }, id: null });
    expect(notified).toHaveLength(before);
  });

  it("refuses a body beyond its bound with 413, in its own form", async () => {
    const { status, json } = await asked(call("sum", ["x".repeat(2_000)]), { maxBytes: 1_000 });
    expect(status).toBe(413);
    expect(json).toMatchObject({ error: { code: -32000, data: { code: "resource_exhausted" } }, id: null });
  });

  it("is not reached through prototypes", async () => {
    for (const method of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      expect((await asked(call(method))).json.error.code).toBe(-32601);
    }
    const { json } = await asked('{"jsonrpc":"2.0","method":"sum","params":{"__proto__":{}},"id":1}');
    expect(json).toMatchObject({ error: { code: -32700 } });
  });

  it("lets a hook see each call, and hears of each error", async () => {
    const [seen, errors]: [unknown[], unknown[]] = [[], []];
    await asked([call("sum", [1], 1), call("nowhere", undefined, 2)], {
      beforeCodec: [(_ctx, { method, id }) => void seen.push([method, id])],
      onError: (error) => void errors.push((error as Error).message),
    });
    expect(seen).toEqual([
      ["sum", 1],
      ["nowhere", 2],
    ]);
    expect(errors).toEqual(["Method nowhere was not found."]);
  });

  it("falls back on the code when the encoder of errors breaks", async () => {
    const errorEncoder = (): never => {
      throw new Error("broken");
    };
    const { json } = await asked(call("fail"), { errorEncoder });
    expect(json).toEqual({
      jsonrpc: "2.0",
      error: { code: -32000, message: "not_found", data: { code: "not_found" } },
      id: 1,
    });
  });
});
