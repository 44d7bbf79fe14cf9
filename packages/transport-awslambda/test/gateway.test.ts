import { KitError } from "@kit/endpoint";
import { defineService } from "@kit/service";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type LambdaContext, serveLambda } from "../src/index.ts";

const context: LambdaContext = { functionName: "profiles", getRemainingTimeInMillis: () => 3_000 };

const Profiles = defineService("profiles", {
  get: {
    request: z.object({ id: z.string(), tag: z.union([z.string(), z.array(z.string())]).optional() }),
    response: z.any(),
    http: "GET /profiles/{id}",
  },
  add: { request: z.object({ name: z.string() }), response: z.any(), http: "POST /profiles" },
  wait: { request: z.any(), response: z.any() },
});
let left: number | undefined;
const handler = serveLambda(
  Profiles,
  {
    async get({ id, tag }) {
      if (id !== "ada") throw new KitError("not_found", `no profile "${id}"`);
      return { name: "Ada", tag, headers: () => ({ "set-cookie": ["a=1", "b=2"], "x-own": "1" }) };
    },
    add: async ({ name }) => ({ id: name.toLowerCase() }),
    async wait(_, ctx) {
      left = ctx.deadline! - Date.now();
      return new Promise(() => {});
    },
  },
  { http: { maxBytes: 1_000 } },
);

/** As API Gateway's HTTP API sends them; function URLs alike. */
const v2 = (method: string, rawPath: string, more: object = {}): object => ({
  version: "2.0",
  routeKey: "$default",
  rawPath,
  rawQueryString: "",
  headers: { "content-type": "application/json", host: "example.org" },
  requestContext: { http: { method, path: rawPath }, stage: "$default" },
  isBase64Encoded: false,
  ...more,
});

/** As its REST API does. */
const v1 = (httpMethod: string, path: string, more: object = {}): object => ({
  resource: "/{proxy+}",
  path,
  httpMethod,
  headers: { "Content-Type": "application/json", Host: "example.org" },
  multiValueHeaders: null,
  queryStringParameters: null,
  multiValueQueryStringParameters: null,
  requestContext: { stage: "prod" },
  body: null,
  isBase64Encoded: false,
  ...more,
});

describe("a service behind API Gateway", () => {
  it("answers events of payload 2.0, cookies apart", async () => {
    const event = v2("GET", "/profiles/ada", { rawQueryString: "tag=x&tag=y" });
    const { headers, ...rest } = await handler(event, context);
    expect(headers).toMatchObject({ "content-type": "application/json; charset=utf-8", "x-own": "1" });
    expect(rest).toEqual({
      statusCode: 200,
      cookies: ["a=1", "b=2"],
      body: '{"name":"Ada","tag":["x","y"]}',
      isBase64Encoded: false,
    });
  });

  it("answers events of payload 1.0, with several values of a header", async () => {
    const event = v1("GET", "/profiles/ada", { multiValueQueryStringParameters: { tag: ["x", "y"] } });
    expect(await handler(event, context)).toMatchObject({
      statusCode: 200,
      multiValueHeaders: { "set-cookie": ["a=1", "b=2"] },
      body: '{"name":"Ada","tag":["x","y"]}',
    });
    const single = v1("GET", "/profiles/ada", { queryStringParameters: { tag: "x" } });
    expect(JSON.parse((await handler(single, context)).body)).toEqual({ name: "Ada", tag: "x" });
  });

  it("takes the stage off the path", async () => {
    const event = v2("GET", "/prod/profiles/ada", { requestContext: { http: { method: "GET" }, stage: "prod" } });
    expect(await handler(event, context)).toMatchObject({ statusCode: 200 });
  });

  it("reads bodies as text and as base64", async () => {
    const body = '{"name":"Grace"}';
    const plain = await handler(v2("POST", "/profiles", { body }), context);
    const packed = { body: Buffer.from(body).toString("base64"), isBase64Encoded: true };
    for (const reply of [plain, await handler(v1("POST", "/profiles", packed), context)]) {
      expect(reply).toMatchObject({ statusCode: 200, body: '{"id":"grace"}' });
    }
  });

  it("answers errors as HTTP does", async () => {
    expect(await handler(v2("GET", "/profiles/bob"), context)).toMatchObject({
      statusCode: 404,
      body: '{"code":"not_found","message":"no profile \\"bob\\""}',
    });
    expect(await handler(v2("GET", "/nowhere"), context)).toMatchObject({ statusCode: 404 });
    expect(await handler(v2("PUT", "/profiles"), context)).toMatchObject({
      statusCode: 405,
      headers: { allow: "POST" },
    });
    expect(await handler(v2("POST", "/profiles", { body: "{" }), context)).toMatchObject({ statusCode: 400 });
    const long = JSON.stringify({ name: "x".repeat(2_000) });
    expect(await handler(v1("POST", "/profiles", { body: long }), context)).toMatchObject({ statusCode: 413 });
  });

  it("answers before Lambda ends it", async () => {
    const short = { ...context, getRemainingTimeInMillis: () => 150 };
    expect(await handler(v2("POST", "/wait", { body: "{}" }), short)).toMatchObject({ statusCode: 504 });
    expect(left).toBeLessThanOrEqual(50);
  });

  it("answers a method that there is not", async () => {
    const { error } = await handler({ method: "constructor" }, context);
    expect(error).toEqual({ code: "unimplemented", message: 'profiles has no method "constructor"' });
  });

  it("answers whatever event comes", async () => {
    const some = fc.oneof(fc.anything(), fc.jsonValue());
    const almost = fc.record(
      {
        rawPath: some,
        path: some,
        httpMethod: fc.oneof(fc.string(), fc.constantFrom("GET", "POST", "TRACE")),
        headers: some,
        body: fc.oneof(fc.string(), some),
        isBase64Encoded: fc.boolean(),
        queryStringParameters: some,
        cookies: some,
        requestContext: fc.record({ http: fc.record({ method: fc.string() }), stage: some }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(some, almost), async (event) => {
        expect(await handler(event, context)).toSatisfy(
          (result: { statusCode?: number; error?: object }) => result.statusCode! >= 400 || "error" in result,
        );
      }),
      { numRuns: 500 },
    );
  });
});
