import { background, callInfo, codeOf, contextKey, KitError } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import {
  autoIncrement,
  connectJsonrpc,
  decodeError,
  encodeErrorPlain,
  jsonrpcClient,
  jsonrpcError,
  jsonrpcHandler,
  serveJsonrpc,
} from "../src/index.ts";
import { defineService } from "@kit/service";
import { z } from "zod";
import { post, serving } from "./serving.ts";

// By the names of go-kit's tests of transport/http/jsonrpc.

const failing = (error: Error) => () => {
  throw error;
};
const addBody = '{"jsonrpc": "2.0", "method": "add", "params": [3, 2], "id": 1}';
const dang = new Error("dang");

const codecs: Record<string, object> = {
  TestServerBadDecode: { decode: failing(dang) },
  TestServerBadEndpoint: { endpoint: () => Promise.reject(dang) },
  TestServerBadEncode: { encode: failing(dang) },
};

describe("the server", () => {
  it.each(Object.keys(codecs))("%s: the text of the error and -32603, where that is wanted", async (name) => {
    const told: unknown[] = [];
    const add = { endpoint: async () => 5, ...codecs[name] };
    const url = await serving(
      jsonrpcHandler({ add }, { errorEncoder: encodeErrorPlain, onError: (error) => void told.push(error) }),
    );
    const { status, text } = await post(url, addBody);
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { jsonrpc: "2.0", error: { code: -32603, message: "dang" }, id: 1 },
    ]);
    expect(told).toEqual([dang]);
  });

  it("TestServerErrorEncoder: makes of an error what it likes", async () => {
    const add = { endpoint: () => Promise.reject(dang) };
    const url = await serving(jsonrpcHandler({ add }, { errorEncoder: () => ({ code: 418, message: "teapot" }) }));
    expect(JSON.parse((await post(url, addBody)).text).error).toEqual({ code: 418, message: "teapot" });
  });

  it("TestErrorsSatisfyError: an error may choose its number", async () => {
    const add = { endpoint: () => Promise.reject(jsonrpcError(-32001, "aborted", "odd")) };
    const url = await serving(jsonrpcHandler({ add }));
    expect(JSON.parse((await post(url, addBody)).text).error).toEqual({
      code: -32001,
      message: "odd",
      data: { code: "aborted" },
    });
  });

  it.each(["GET", "PUT", "DELETE"])("TestCanRejectNonPostRequest: %s", async (method) => {
    const url = await serving(jsonrpcHandler({}));
    const response = await fetch(url, { method });
    expect([response.status, response.headers.get("allow"), await response.text()]).toEqual([
      405,
      "POST",
      "405 must POST\n",
    ]);
  });

  it("TestCanRejectInvalidJSON", async () => {
    const { text } = await post(await serving(jsonrpcHandler({})), "clearlynotjson");
    expect(JSON.parse(text)).toMatchObject({ error: { code: -32700 }, id: null });
  });

  it("TestServerUnregisteredMethod", async () => {
    const { text } = await post(await serving(jsonrpcHandler({})), addBody);
    expect(JSON.parse(text)).toMatchObject({ error: { code: -32601 }, id: 1 });
  });

  it("TestServerHappyPath, TestMultipleServerBefore, …BeforeCodec, …After, TestCanFinalize", async () => {
    const trail = contextKey<string>("@kit/transport-jsonrpc/test/trail");
    const steps: string[] = [];
    let info: unknown;
    const url = await serving(
      jsonrpcHandler(
        {
          add: {
            endpoint: async ([a, b]: [number, number], ctx) => {
              steps.push(ctx.get(trail)!);
              info = { ...ctx.get(callInfo), peer: ctx.get(callInfo)?.peer };
              return a + b;
            },
          },
        },
        {
          service: "adder",
          before: [(ctx) => ctx.with(trail, "a"), (ctx) => ctx.with(trail, `${ctx.get(trail)}b`)],
          beforeCodec: [(ctx, { method }) => ctx.with(trail, `${ctx.get(trail)} ${method}`), () => undefined],
          after: [(_ctx, reply) => void (reply.headers["x-after"] = "1")],
          finalizer: [(_ctx, { status }) => void steps.push(`finalized ${status}`)],
        },
      ),
    );
    const { text, headers } = await post(url, addBody);
    expect([JSON.parse(text), headers.get("x-after")]).toEqual([{ jsonrpc: "2.0", result: 5, id: 1 }, "1"]);
    expect(steps).toEqual(["ab add", "finalized 200"]);
    expect(info).toEqual({ service: "adder", method: "add", transport: "jsonrpc", peer: "127.0.0.1" });
  });

  it("takes a version that is empty, as go-kit's clients up to 0.10 send it", async () => {
    const url = await serving(jsonrpcHandler({ add: { endpoint: async () => 5 } }));
    const { text } = await post(url, '{"jsonrpc":"","method":"add","params":{},"id":0}\n');
    expect(JSON.parse(text)).toEqual({ jsonrpc: "2.0", result: 5, id: 0 });
  });

  it("takes the keys of a struct without tags, as go-kit's clients send them", async () => {
    const Adder = defineService("adder", {
      sum: { request: z.object({ a: z.int(), b: z.int() }), response: z.object({ v: z.int() }) },
    });
    const endpoints = { sum: async ({ a, b }: { a: number; b: number }) => ({ v: a + b }) };
    const url = await serving(serveJsonrpc(Adder, endpoints, { caseInsensitiveKeys: ["a", "b"] }));
    const { text } = await post(url, '{"jsonrpc":"2.0","method":"sum","params":{"A":20,"B":22},"id":0}\n');
    expect(JSON.parse(text)).toEqual({ jsonrpc: "2.0", result: { v: 42 }, id: 0 });
  });
});

describe("the client", () => {
  const sent: string[] = [];
  const answering = (reply: string, status = 200): Promise<string> =>
    serving((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => {
        sent.push(body);
        response.writeHead(status).end(reply);
      });
    });

  it("TestClientHappyPath: sends version, method, params and the id that it is given", async () => {
    const url = await answering('{"jsonrpc": "2.0", "result": 5}\n');
    await using add = jsonrpcClient<number[], number>({ url, method: "add", newId: () => 666 });
    expect(await add([3, 2], background)).toBe(5);
    expect(sent.at(-1)).toBe('{"jsonrpc":"2.0","method":"add","params":[3,2],"id":666}');
  });

  it("TestCanUseDefaults", async () => {
    const url = await answering('{"jsonrpc":"2.0","result":"boogaloo"}');
    await using client = jsonrpcClient<undefined, string>({ url, method: "electric" });
    expect(await client(undefined, background)).toBe("boogaloo");
    expect(sent.at(-1)).toBe('{"jsonrpc":"2.0","method":"electric","id":0}');
  });

  it("TestClientCanHandleJSONRPCError", async () => {
    const url = await answering('{"jsonrpc": "2.0", "error": {"code": -32603, "message": "Bad thing happened."}}');
    await using client = jsonrpcClient({ url, method: "add" });
    const error = await client([], background).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "unknown", message: "Bad thing happened." });
    await using raw = jsonrpcClient({ url, method: "add", decode: ({ error: own }) => own });
    expect(await raw([], background)).toEqual({ code: -32603, message: "Bad thing happened." });
  });

  it.each([
    ["", 200],
    ["", 500],
    ["{}", 200],
    ['{"jsonrpc":"2.0","error":{"code":32603,"message":"Bad thing happened."}}', 200],
  ])("TestBeforeAfterFuncs: run whatever the reply, %j %i", async (reply, status) => {
    const url = await answering(reply, status);
    const ran: string[] = [];
    await using client = jsonrpcClient({
      url,
      method: "add",
      before: [() => void ran.push("before")],
      after: [() => void ran.push("after")],
      finalizer: [() => void ran.push("finalizer")],
    });
    await expect(client([], background)).rejects.toBeInstanceOf(KitError);
    expect(ran).toEqual(["before", "after", "finalizer"]);
  });

  it("TestDefaultAutoIncrementer", () => {
    const next = autoIncrement();
    expect(Array.from({ length: 100 }, next)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it("TestError: has a text for the numbers that the specification reserves", () => {
    expect(
      [-32700, -32600, -32601, -32602, -32603, 7].map((code) => {
        const { code: kit, message } = decodeError({ code, message: "" });
        return [kit, message];
      }),
    ).toEqual([
      ["invalid_argument", "An error occurred on the server while parsing the JSON text."],
      ["invalid_argument", "The JSON sent is not a valid Request object."],
      ["unimplemented", "The method does not exist / is not available."],
      ["invalid_argument", "Invalid method parameter(s)."],
      ["unknown", "Internal JSON-RPC error."],
      ["unknown", "JSON-RPC error 7"],
    ]);
  });

  it("sends a notification and waits for it to have run", async () => {
    const ran: unknown[] = [];
    const url = await serving(jsonrpcHandler({ log: { endpoint: async (line) => void ran.push(line) } }));
    await using log = jsonrpcClient({ url, method: "log", notification: true });
    expect(await log(["hello"], background)).toBeUndefined();
    expect(ran).toEqual([["hello"]]);
  });

  it.each(["", "<html>", "null", "1", "[]", '{"jsonrpc":"1.0"}'])(
    "tells %j, which is no reply, as internal",
    async (reply) => {
      const url = await answering(reply);
      await using client = jsonrpcClient({ url, method: "add" });
      expect(codeOf(await client([], background).catch((error: unknown) => error))).toBe("internal");
    },
  );

  it("tells a proxy's page by its status", async () => {
    const url = await answering("<html>bad gateway</html>", 502);
    await using client = connectJsonrpc(defineService("adder", { sum: { request: z.any(), response: z.any() } }), {
      url,
    });
    await expect(client.sum({}, background)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("leaves a sender that it was given to its owner", async () => {
    let closed = 0;
    const sender = {
      send: () => Promise.reject(new KitError("unavailable", "no")),
      close: async () => void (closed += 1),
      [Symbol.asyncDispose]: async () => {},
    };
    const Adder = defineService("adder", { sum: { request: z.any(), response: z.any() } });
    await connectJsonrpc(Adder, { url: "http://localhost", sender })[Symbol.asyncDispose]();
    expect(closed).toBe(0);
  });
});
