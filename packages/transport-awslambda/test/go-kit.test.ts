import { background, callInfo, contextKey, KitError } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { lambdaClient, type LambdaContext, lambdaHandler, type LambdaReply } from "../src/index.ts";

// By the names of go-kit's tests of transport/awslambda.

const context: LambdaContext = { functionName: "hello", getRemainingTimeInMillis: () => 3_000 };
const trail = contextKey<string>("@kit/transport-awslambda/test/trail");

interface Greeting {
  readonly name: string;
}
const hello = async ({ name }: Greeting): Promise<string> => `hello ${name}`;
const fails = (message: string) => () => {
  throw new KitError("invalid_argument", message);
};

describe("a function", () => {
  it("TestInvokeHappyPath: runs its steps in order, and answers", async () => {
    const finalized: unknown[] = [];
    const handler = lambdaHandler<{ body: string }, Greeting, string>(
      async (request, ctx) => `${await hello(request)} ${ctx.get(trail)} ${ctx.get(callInfo)?.method}`,
      {
        before: [(ctx) => ctx.with(trail, "bef1"), (ctx) => ctx.with(trail, `${ctx.get(trail)} bef2`)],
        after: [(ctx) => ctx.with(trail, "af1"), (ctx) => ctx.with(trail, `${ctx.get(trail)} af2`)],
        decode: ({ event }) => JSON.parse(event.body),
        encode: (response, reply, ctx) => {
          reply.result = { statusCode: 200, body: `${response} ${ctx.get(trail)}` };
        },
        finalizer: [(ctx, { reply, error }) => void finalized.push(ctx?.get(trail), reply.result, error)],
      },
    );
    const result = { statusCode: 200, body: "hello john doe bef1 bef2 hello af1 af2" };
    expect(await handler({ body: '{"name":"john doe"}' }, context)).toEqual(result);
    expect(finalized).toEqual(["af1 af2", result, undefined]);
  });

  it.each([
    ["TestInvokeFailDecode", { decode: fails("decoding") }],
    ["TestInvokeFailEncode", { encode: fails("encoding") }],
    ["TestInvokeFailEndpoint", {}],
  ])("%s: makes of an error what its encoder makes of it", async (name, options) => {
    const told: unknown[] = [];
    const errorEncoder = (error: unknown, reply: LambdaReply): void => {
      reply.result = { statusCode: 500, body: (error as Error).message };
    };
    const endpoint = name === "TestInvokeFailEndpoint" ? fails("endpoint") : hello;
    const handler = lambdaHandler(endpoint, { ...options, errorEncoder, onError: (error) => void told.push(error) });
    expect(await handler({ name: "x" }, context)).toMatchObject({ statusCode: 500 });
    expect(told).toHaveLength(1);
  });

  it("TestDefaultErrorEncoder: fails with an error, its code as the type", async () => {
    const handler = lambdaHandler(() => Promise.reject(new KitError("not_found", "nobody")));
    const error = await handler({}, context).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "not_found", message: "nobody", stack: "not_found: nobody" });
  });

  it("says nothing of an error that is no KitError", async () => {
    const handler = lambdaHandler(() => Promise.reject(new Error("password 1234")));
    const error = (await handler({}, context).catch((caught: unknown) => caught)) as Error;
    expect(`${error.name} ${error.message} ${error.stack}`).not.toContain("1234");
  });

  it("is over before Lambda ends it, whatever its endpoint does", async () => {
    const handler = lambdaHandler(() => new Promise(() => {}), { marginMs: 2_950 });
    await expect(handler({}, context)).rejects.toMatchObject({ name: "deadline_exceeded" });
  });

  it("refuses a call whose caller's time is over", async () => {
    const handler = lambdaHandler(hello);
    const event = { name: "x", headers: { "Timeout-Ms": "0" } };
    await expect(handler(event, context)).rejects.toMatchObject({ name: "deadline_exceeded" });
    const garbled = { name: "x", headers: { "timeout-ms": "soon" } };
    await expect(handler(garbled, context)).rejects.toMatchObject({ name: "invalid_argument" });
  });

  it.each([{ maxTimeoutMs: 0 }, { marginMs: -1 }])("refuses %j", (options) => {
    expect(() => lambdaHandler(hello, options)).toThrow(/^lambdaHandler: \w+ must be a positive number/);
  });
});

describe("a client", () => {
  it("takes a payload to a function and its answer back", async () => {
    const handler = lambdaHandler(hello);
    const client = lambdaClient<Greeting, string>({
      invoke: async (payload) => ({ payload: JSON.stringify(await handler(JSON.parse(payload), context)) }),
    });
    expect(await client({ name: "Ada" }, background)).toBe("hello Ada");
  });

  it.each([
    ['{"errorType":"not_found","errorMessage":"nobody"}', "not_found", "nobody"],
    ['{"errorType":"TypeError","errorMessage":"boom"}', "unknown", "boom"],
    ['{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out"}', "deadline_exceeded", "Task timed out"],
    ["null", "unknown", "unknown"],
  ])("tells of a function that failed with %s", async (payload, code, message) => {
    const client = lambdaClient({ invoke: async () => ({ payload, functionError: "Unhandled" }) });
    await expect(client({}, background)).rejects.toMatchObject({ code, message });
  });

  it("tells of an answer that is no JSON, and of one that never came", async () => {
    const garbled = lambdaClient({ invoke: async () => ({ payload: "<html>" }) });
    await expect(garbled({}, background)).rejects.toMatchObject({ code: "internal" });
    const away = lambdaClient({ invoke: () => Promise.reject(new Error("ECONNREFUSED 10.0.0.1")) });
    await expect(away({}, background)).rejects.toMatchObject({ code: "unavailable", message: "lambda: not invoked" });
  });
});
