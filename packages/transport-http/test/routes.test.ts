import { background, callInfo, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { connectLocal, defineService, type EndpointsOf, type Service } from "@kit/service";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { connectHttp, fetchSender, httpHandler, serveHttp, type ServeHttpOptions } from "../src/index.ts";
import { serving } from "./serving.ts";
import { answerTo, parsed, request } from "./wire.ts";

const any = { request: z.any(), response: z.any() };

/** A service whose methods, of any shape, answer with their name and request. */
function routed(routes: Readonly<Record<string, string | undefined>>): Service {
  const specs = Object.entries(routes).map(([name, http]) => [name, http === undefined ? any : { ...any, http }]);
  return defineService("things", Object.fromEntries(specs));
}

function echoing<S extends Service>(service: S): EndpointsOf<S> {
  const endpoints = Object.keys(service.methods).map((name) => [name, async (sent: unknown) => ({ name, sent })]);
  return Object.fromEntries(endpoints);
}

type Client = Readonly<Record<string, Endpoint>> & AsyncDisposable;

async function connected(routes: Readonly<Record<string, string | undefined>>, options: ServeHttpOptions = {}) {
  const service = routed(routes);
  const { url, port } = await serving(serveHttp(service, echoing(service), options));
  const ask = async (line: string, body?: string): Promise<{ status: number; json: any }> => {
    const answer = parsed(await answerTo(port, request(line, [], body)));
    return { status: answer.status, json: answer.body === "" ? undefined : JSON.parse(answer.body) };
  };
  const client: Client = connectHttp(service, { url: url + (options.prefix ?? "") });
  return { ask, client, url, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

const rest = {
  create: "POST /things",
  list: "GET /things",
  get: "GET /things/{id}",
  put: "PUT /things/{id}",
  patch: "PATCH /things/{id}/",
  remove: "DELETE /things/{id}",
  part: "GET /things/{id}/parts/{part_id}",
  special: "GET /things/special",
  any: "/any",
  plain: undefined,
  root: "GET /",
  dotted: "POST /v1.0/~a-b_c",
};

describe("serveHttp and connectHttp", () => {
  it("agree on every route", async () => {
    await using service = await connected(rest);
    const { client } = service;
    const sent = { id: "7", part_id: "8" };
    for (const name of Object.keys(rest)) {
      expect(await client[name]!(sent, background)).toEqual({ name: name === "special" ? "special" : name, sent });
    }
  });

  it.each([
    ["POST /things", '{"a":1}', "create", { a: 1 }],
    ["GET /things?a=1&b=x", undefined, "list", { a: "1", b: "x" }],
    ["GET /things", undefined, "list", {}],
    ["GET /things/", undefined, "list", {}],
    ["GET /things?", undefined, "list", {}],
    ["GET /things?a=1&a=2&a=", undefined, "list", { a: ["1", "2", ""] }],
    ["GET /things?a=%26%3D%2B+%C3%BC&%61b", undefined, "list", { a: "&=+ ü", ab: "" }],
    ["GET /things/7", undefined, "get", { id: "7" }],
    ["GET /things/a%2Fb%20c", undefined, "get", { id: "a/b c" }],
    ["GET /things/%C3%BC+", undefined, "get", { id: "ü+" }],
    ["GET /things/7?id=8&id=9", undefined, "get", { id: "7" }],
    ["GET /things/special", undefined, "special", {}],
    ["GET /things/7", '{"id":"8","more":1}', "get", { id: "7", more: 1 }],
    ["GET /things?a=1", '{"a":2}', "list", { a: 2 }],
    ["PUT /things/7", '{"id":"8","name":"n"}', "put", { id: "7", name: "n" }],
    ["PUT /things/7", undefined, "put", { id: "7" }],
    ["PUT /things/7?name=n", '{"a":1}', "put", { id: "7", a: 1 }],
    ["DELETE /things/7?force=true", undefined, "remove", { id: "7", force: "true" }],
    ["GET /things/7/parts/8", undefined, "part", { id: "7", part_id: "8" }],
    ["GET /?q=1", undefined, "root", { q: "1" }],
    ["POST /any", "[1]", "any", [1]],
    ["REPORT /any", "[1]", "any", [1]],
    ["POST /plain", '"text"', "plain", "text"],
  ])("takes %s %s as %s of %o", async (line, body, name, sent) => {
    await using service = await connected(rest);
    const { status, json } = await service.ask(line, body);
    expect({ status, json }).toEqual({ status: 200, json: sent === undefined ? { name } : { name, sent } });
  });

  it.each([
    ["GET /nothing"],
    ["GET /things//"],
    ["GET //things"],
    ["GET /THINGS"],
    ["GET /things/7/parts"],
    ["GET /things/7/parts/8/9"],
    ["GET /things/7/../8"],
    ["GET /constructor"],
    ["GET /__proto__"],
    ["OPTIONS *"],
  ])("answers %s with 404", async (line) => {
    await using service = await connected({ list: "GET /things", part: "GET /things/{id}/parts/{part}" });
    const { status, json } = await service.ask(line);
    expect([status, json.code]).toEqual([404, "unimplemented"]);
  });

  it("answers another verb with 405 and those that are allowed", async () => {
    const service = routed({ get: "GET /things/{id}", put: "PUT /things/{it}", list: "GET /things" });
    const handler = serveHttp(service, echoing(service));
    const response = await handler.fetch(new Request("http://test/things/7", { method: "DELETE" }));
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, PUT, HEAD"]);
    expect(await response.json()).toEqual({ code: "unimplemented", message: "/things/7 takes GET, PUT, HEAD" });
  });

  it("answers HEAD as GET, but without a body, unless there is a route of its own", async () => {
    const service = routed({ list: "GET /things", look: "HEAD /looks", put: "PUT /puts" });
    const handler = serveHttp(service, echoing(service));
    const { port } = await serving(handler);
    for (const path of ["/things?a=1", "/looks?a=1"]) {
      const [looked, form] = [
        await answerTo(port, request(`HEAD ${path}`)),
        await handler.fetch(new Request(`http://test${path}`, { method: "HEAD" })),
      ];
      expect(looked).toMatch(/^HTTP\/1.1 200 [^]*content-length: \d\d\r\n[^]*\r\n\r\n$/);
      expect([form.status, form.headers.get("content-type"), form.body]).toEqual([
        200,
        "application/json; charset=utf-8",
        null,
      ]);
    }
    expect(await answerTo(port, request("HEAD /puts"))).toMatch(/^HTTP\/1.1 405 [^]*allow: PUT\r\n[^]*\r\n\r\n$/);
  });

  it.each([["%"], ["%zz"], ["%C3"], ["a%2"]])("answers 400 to the path parameter %s", async (id) => {
    await using service = await connected(rest);
    expect(await service.ask(`GET /things/${id}`)).toEqual({
      status: 400,
      json: { code: "invalid_argument", message: "path: not valid percent-encoding" },
    });
  });

  it.each([["[1]"], ["1"], ['"text"'], ["null"]])(
    "answers 400 to the body %s where fields stand in the path",
    async (body) => {
      await using service = await connected(rest);
      expect(await service.ask("PUT /things/7", body)).toMatchObject({
        status: 400,
        json: { code: "invalid_argument" },
      });
    },
  );

  it("bends no prototype by names in a query or a path", async () => {
    await using service = await connected({ list: "GET /things", get: "GET /things/{id}" });
    const { json } = await service.ask("GET /things?__proto__=1&__proto__=2&constructor=3&toString=4");
    expect(Object.keys(json.sent)).toEqual(["__proto__", "constructor", "toString"]);
    expect((await service.ask("GET /things/__proto__")).json.sent).toEqual({ id: "__proto__" });
    expect(Object.prototype).not.toHaveProperty("1");
  });

  it("bring any text there in a path and in a query, or refuse it before it is sent", { timeout: 60_000 }, async () => {
    await using service = await connected(rest);
    const { client } = service;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom("a/b", "%2e%2e", "?", "#", "+")),
        async (text) => {
          fc.pre(!["", ".", ".."].includes(text));
          expect(await client.get!({ id: text, q: text }, background)).toEqual({
            name: "get",
            sent: { id: text, q: text },
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("say every simple value of a query as text, several as a list, and none not at all", async () => {
    await using service = await connected(rest);
    const fields = { n: 1.5, yes: true, big: 10n, empty: "", none: undefined, two: ["a", 1], one: ["a"], zero: [] };
    const sent = { n: "1.5", yes: "true", big: "10", empty: "", two: ["a", "1"], one: "a" };
    expect(await service.client.list!(fields, background)).toEqual({ name: "list", sent });
  });

  it.each([
    ["id", { id: "" }],
    ["id", { id: "." }],
    ["id", { id: ".." }],
    ["id", { id: "\ud800" }],
    ["id", {}],
    ["id", undefined],
    ["id", { id: null }],
    ["id", { id: ["7"] }],
    ["q", { id: "7", q: { deep: 1 } }],
    ["q", { id: "7", q: [[1]] }],
    ["q", { id: "7", q: null }],
    ["q", { id: "7", q: "\udfff" }],
  ])("refuse what cannot stand there: %s of %o", async (field, sent) => {
    await using service = await connected(rest);
    await expect(service.client.get!(sent, background)).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(`http: the field "${field}" cannot`),
    });
  });

  it("do not change the request that they send", async () => {
    await using service = await connected(rest);
    const sent = Object.freeze({ id: "7", name: "n" });
    await service.client.put!(sent, background);
    expect(sent).toEqual({ id: "7", name: "n" });
  });

  it("meet under a prefix", async () => {
    await using service = await connected(rest, { prefix: "/api/v1" });
    expect(await service.client.get!({ id: "7" }, background)).toEqual({ name: "get", sent: { id: "7" } });
    expect((await service.ask("GET /things/7")).status).toBe(404);
    expect((await service.ask("GET /api/v1")).json).toEqual({ name: "root", sent: {} });
  });

  it("name the call by its service and method", async () => {
    const service = routed({ get: "GET /things/{id}" });
    const seen: unknown[] = [];
    const get = async (_: unknown, ctx: Context): Promise<void> => {
      const { service: name, method, transport, peer } = ctx.get(callInfo)!;
      seen.push(name, method, transport, peer);
    };
    const { url } = await serving(serveHttp(service, { get }));
    await fetch(`${url}/things/7`);
    expect(seen).toEqual(["things", "get", "http", "127.0.0.1"]);
  });
});

describe("serveHttp with otherwise", () => {
  const service = routed({ get: "GET /things/{id}", hello: undefined });
  const other = httpHandler(async (_, ctx) => ctx.get(callInfo)?.method);
  const handler = serveHttp(service, echoing(service), { prefix: "/v1", otherwise: other });

  it.each([
    ["GET", "/v1/things/7", 200, { name: "get", sent: { id: "7" } }],
    ["DELETE", "/v1/things/7", 405, { code: "unimplemented", message: "/v1/things/7 takes GET, HEAD" }],
    ["GET", "/v1/nothing?a=1", 200, "/v1/nothing"],
    ["GET", "/metrics", 200, "/metrics"],
    ["POST", "/hello", 200, "/hello"],
  ])("hands over paths that the service does not have: %s %s", async (method, path, status, body) => {
    const { url } = await serving(handler);
    for (const ask of [fetch, handler.fetch]) {
      const response = await ask(new Request(url + path, { method }));
      expect([response.status, await response.json()]).toEqual([status, body]);
    }
  });

  it("takes a listener of Node's own, which has no fetch", async () => {
    const plain = serveHttp(service, echoing(service), {
      otherwise: (message, response) => void response.end(`plain ${message.url}`),
    });
    const { url } = await serving(plain);
    expect(await (await fetch(`${url}/metrics`)).text()).toBe("plain /metrics");
    expect((await plain.fetch(new Request("http://test/metrics"))).status).toBe(404);
    expect((await plain.fetch(new Request("http://test/things/7"))).status).toBe(200);
  });
});

describe("a route that cannot be", () => {
  it.each([
    ["GET"],
    ["things"],
    ["GET things"],
    ["get /things"],
    ["GET /things//parts"],
    ["GET /things/{}"],
    ["GET /things/{a-b}"],
    ["GET /things/{id"],
    ["GET /things/x{id}"],
    ["GET /things?id={id}"],
    ["GET /things/*"],
    ["GET /things/:id"],
    ["GET /th ings"],
    ["GET /thïngs"],
    ["GET /%20"],
    ["GET /a\n"],
    [""],
  ])("is refused when the service is made: %j", (http) => {
    const service = routed({ get: http });
    const message = expect.objectContaining({
      name: "TypeError",
      message: `things.get: http must be like "GET /things/{id}", got "${http}"`,
    });
    expect(() => serveHttp(service, echoing(service))).toThrow(message);
    expect(() => connectHttp(service, { url: "http://test" })).toThrow(message);
  });

  it.each([
    [{ a: "GET /x", b: "GET /x" }, "a and b are both at GET /x"],
    [{ a: "GET /x/{id}", b: "GET /x/{name}" }, "a and b are both at GET /x/{}"],
    [{ a: "/x", b: "/x" }, "a and b are both at any verb /x"],
    [{ a: undefined, b: "POST /a" }, "a and b are both at POST /a"],
  ])("is refused where another is: %o", (routes, message) => {
    const service = routed(routes);
    expect(() => serveHttp(service, echoing(service))).toThrow(new TypeError(`serveHttp: ${message}`));
  });

  it.each([["v1"], ["/v1/"], ["/"], ["/{tenant}"], ["/a b"], ["/a?b"], ["//a"]])(
    "is refused below the prefix %j",
    (prefix) => {
      const service = routed({ a: undefined });
      expect(() => serveHttp(service, echoing(service), { prefix })).toThrow(
        new TypeError(`serveHttp: prefix must be like "/v1", got "${prefix}"`),
      );
    },
  );

  it("is refused for a method without an endpoint", () => {
    expect(() => serveHttp(routed({ a: undefined, b: undefined }), { a: async () => 1 } as any)).toThrow(TypeError);
  });
});

describe("a contract over HTTP", () => {
  const Profiles = defineService("profiles", {
    get: {
      request: z.object({
        id: z.string(),
        page: z.coerce.number().default(1),
        tags: z.preprocess(list, z.array(z.string())),
      }),
      response: z.object({ name: z.string(), page: z.number(), tags: z.array(z.string()) }),
      errors: { not_found: z.object({ id: z.string() }) },
      http: "GET /profiles/{id}",
    },
  });
  const endpoints: EndpointsOf<typeof Profiles> = {
    async get({ id, page, tags }) {
      if (id === "nobody") throw new KitError("not_found", "no such profile", { details: { id } });
      return { name: id, page, tags };
    },
  };
  const sender = fetchSender({ origin: "http://test", fetch: (sent) => handler.fetch(sent) });
  const handler = serveHttp(Profiles, endpoints);
  const client = connectHttp(Profiles, { url: "http://test", sender });

  it("is what it is in one process", async () => {
    const local = connectLocal(Profiles, endpoints);
    for (const sent of [
      { id: "ada", page: 2, tags: ["x"] },
      { id: "ada", tags: [] },
      { id: "ä/ö", tags: ["a", "b"] },
    ]) {
      expect(await client.get(sent, background)).toEqual(await local.get(sent, background));
    }
  });

  it("answers 400 with the issues to what does not fit", async () => {
    const response = await handler.fetch(new Request("http://test/profiles/ada?page=one"));
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({
        code: "invalid_argument",
        details: { issues: [expect.objectContaining({ path: "page" })] },
      }),
    ]);
  });

  it("brings a declared error with its details", async () => {
    await expect(client.get({ id: "nobody", tags: [] }, background)).rejects.toMatchObject({
      code: "not_found",
      details: { id: "nobody" },
    });
  });
});

/** A name that comes once in a query is no list. */
function list(value: unknown): unknown {
  return value === undefined ? [] : [value].flat();
}
