import { background, callInfo, codeOf, contextKey, KitError, text } from "@kit/endpoint";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import {
  connectThrift,
  serveThrift,
  thriftClient,
  thriftConnection,
  thriftHandler,
  type ThriftReply,
  type ThriftRequest,
} from "../src/index.ts";
import { Add, serveAdd, Zoo } from "./add.ts";
import { serving } from "./serving.ts";

const tenant = contextKey("thrift-tenant", { carry: text });

describe("thriftHandler and thriftClient", () => {
  // go-kit/examples addsvc/pkg/addtransport/thrift.go: requests and responses of the endpoints' own, replies with the business error in them.
  it("put any endpoint behind a method, as go-kit's addsvc does", async () => {
    const sum = async ({ left, right }: { left: number; right: number }) => {
      if (left + right > 100) throw new KitError("out_of_range", "integer overflow");
      return left + right;
    };
    const handler = thriftHandler(sum, {
      method: Add.methods.Sum,
      decode: ({ args }) => ({ left: Number(args["a"]), right: Number(args["b"]) }),
      encode: (value, reply) => void (reply.value = { value, err: "" }),
      errorEncoder: (error, reply) => void (reply.value = { value: 0, err: (error as Error).message }),
    });
    const { address } = await serving(handler);
    await using client = thriftClient<[number, number], string>({
      address,
      framing: "buffered",
      method: Add.methods.Sum,
      encode: ([a, b], message) => void (message.args = { a, b }),
      async decode({ value }) {
        const { value: answer, err } = value as { value: number; err: string };
        return err === "" ? String(answer) : `failed: ${err}`;
      },
    });
    expect(await client([1, 2], background)).toBe("3");
    expect(await client([99, 2], background)).toBe("failed: integer overflow");
  });

  it("run their hooks in go-kit's order, with headers both ways", async () => {
    const order: string[] = [];
    let finished!: () => void;
    const done = new Promise<void>((resolve) => (finished = resolve));
    const handler = thriftHandler(
      async ({ a, b }: { a: number; b: number }, ctx) => {
        order.push(`endpoint ${ctx.get(tenant)} ${JSON.stringify({ ...ctx.get(callInfo), peer: undefined })}`);
        return { value: a + b, err: "" };
      },
      {
        method: Add.methods.Sum,
        before: [(_, { method, header }: ThriftRequest) => void order.push(`server before ${method} ${typeof header}`)],
        decode(request) {
          order.push(`server decode ${request.header("x-token")} ${request.framing} ${request.peer}`);
          return request.args as { a: number; b: number };
        },
        after: [(_, reply: ThriftReply) => void (reply.headers["x-served-by"] = ["one", "two"])],
        encode(response, reply) {
          order.push("server encode");
          reply.value = response;
        },
        finalizer: [
          (_, { reply, error }) => {
            order.push(`server finalizer ${JSON.stringify(reply.value)} ${String(error)}`);
            finished();
          },
        ],
      },
    );
    const { address } = await serving(handler);
    await using connection = thriftConnection({ address });
    const client = thriftClient({
      connection,
      method: Add.methods.Sum,
      encode(request: { a: number; b: number }, message) {
        order.push(`client encode ${message.method}`);
        message.args = request;
      },
      before: [(_, message) => void (message.headers["X-Token"] = "abc")],
      after: [(_, response) => void order.push(`client after ${response.header("x-served-by")}`)],
      decode: ({ value }) => value,
      finalizer: [(_, { error }) => void order.push(`client finalizer ${String(error)}`)],
    });
    expect(await client({ a: 1, b: 2 }, background.with(tenant, "acme"))).toEqual({ value: 3, err: "" });
    await done;
    const info = '{"service":"addsvc","method":"Sum","transport":"thrift"}';
    expect(order.toSorted()).toEqual(
      [
        "client encode Sum",
        "server before Sum function",
        "server decode abc header 127.0.0.1",
        `endpoint acme ${info}`,
        "server encode",
        'server finalizer {"value":3,"err":""} undefined',
        "client after one, two",
        "client finalizer undefined",
      ].toSorted(),
    );
    expect(
      order
        .filter((step) => step.startsWith("server") || step.startsWith("endpoint"))
        .map((step) => step.split(" ")[1]),
    ).toEqual(["before", "decode", "acme", "encode", "finalizer"]);
  });

  it("tell onError and the finalizer of each failed step, and the caller its code", async () => {
    const heard: unknown[] = [];
    const handler = thriftHandler(async () => ({ value: 1, err: "" }), {
      method: Add.methods.Sum,
      decode({ args }) {
        if (args["a"] === 1) throw new KitError("unauthenticated", "dang");
        return args;
      },
      async encode(response, reply) {
        await Promise.resolve();
        if (reply.headers["x"] === undefined) reply.headers["x"] = "y";
        reply.value = response;
      },
      onError: (error) => heard.push(codeOf(error)),
    });
    const { address } = await serving(handler);
    await using client = connectThrift(Add, { address });
    await expect(client.Sum({ a: 1, b: 0 }, background)).rejects.toMatchObject({
      code: "unauthenticated",
      message: "dang",
    });
    expect((await client.Sum({ a: 2, b: 0 }, background)).value).toBe(1);
    expect(heard).toEqual(["unauthenticated"]);
  });

  it("answer a caller even when the error encoder sets what does not fit", async () => {
    const heard: unknown[] = [];
    const handler = thriftHandler(() => Promise.reject(new Error("dang")), {
      method: Add.methods.Sum,
      errorEncoder: (_, reply) => void (reply.value = { value: "no number", err: "" }),
      onError: (error) => heard.push(codeOf(error)),
    });
    const { address } = await serving(handler);
    await using client = connectThrift(Add, { address });
    await expect(client.Sum({ a: 1, b: 0 }, background)).rejects.toMatchObject({ code: "internal" });
    expect(heard).toEqual(["unknown", "internal"]);
  });

  it("leave other methods to another handler, and refuse what nobody has", async () => {
    const zoo = serveThrift(Zoo, {
      ping: async () => {},
      feed: async ({ animal }) => animal,
      count: async ({ n }) => n,
      open: async (_, ctx) => ctx.get(callInfo)?.service === "zoo",
      fail: async () => {},
      note: async () => {},
    });
    const handler = serveAdd({ otherwise: zoo });
    const { address } = await serving(handler);
    for (const framing of ["header", "buffered"] as const) {
      await using connection = thriftConnection({ address, framing });
      const [add, animals] = [connectThrift(Add, { connection }), connectThrift(Zoo, { connection })];
      expect(await animals.open({}, background)).toBe(true);
      expect((await add.Sum({ a: 1, b: 2 }, background)).value).toBe(3);
    }
    const { address: alone } = await serving(serveAdd());
    for (const framing of ["header", "framed", "buffered"] as const) {
      await using lost = connectThrift(Zoo, { address: alone, framing });
      await expect(lost.count({ n: 5n }, background)).rejects.toMatchObject({
        code: "unimplemented",
        message: "thrift: no method count",
      });
    }
  });

  it("say which option is wrong", () => {
    const { methods } = Add;
    const endpoint = async () => ({});
    const limits = ["maxBytes", "maxCalls", "maxTimeoutMs"] as const;
    for (const name of limits)
      expect(() => thriftHandler(endpoint, { method: methods.Sum, [name]: 0 })).toThrow(
        `${name} must be a positive number`,
      );
    expect(() => thriftHandler(endpoint, {} as never)).toThrow("method must be one of a thriftService");
    expect(() => serveAdd({ otherwise: createServer() as never })).toThrow("otherwise must be what thriftHandler");
    for (const name of ["maxBytes", "timeoutMs", "connectTimeoutMs", "maxBackoffMs"] as const)
      expect(() => connectThrift(Add, { address: "a:1", [name]: -1 })).toThrow(`${name} must be a positive number`);
    for (const address of ["", "localhost", "a:0", "a:70000", "http://a:1", "::1:80", undefined as never])
      expect(() => connectThrift(Add, { address })).toThrow(TypeError);
    expect(() => connectThrift(Add, { address: "a:1", protocol: "xml" as never })).toThrow("protocol must be");
    expect(() => connectThrift(Add, { address: "a:1", framing: "zip" as never })).toThrow("framing must be");
    expect(() => thriftClient({ address: "[::1]:80", method: {} as never })).toThrow("method must be");
  });
});
