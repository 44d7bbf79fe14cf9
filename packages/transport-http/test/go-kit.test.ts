import { background, type Context, contextKey } from "@kit/endpoint";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expect, it, vi } from "vitest";
import {
  decodePlainResponse,
  encodeErrorPlain,
  encodeJsonRequest,
  encodeJsonResponse,
  fetchSender,
  httpClient,
  type HttpHandlerOptions,
  httpHandler,
  httpRequest,
  type HttpOutcome,
  nopRequestDecoder,
  populateRequestContext,
  setRequestHeader,
  setResponseHeader,
} from "../src/index.ts";
import { serving } from "./serving.ts";

// go-kit's own tests of transport/http, by their names. Those of its intercepting writer have no counterpart: hooks get the reply itself.

const dang = new Error("dang");

/** What go-kit's `step` does: a server of these options, called once. */
async function call(options: HttpHandlerOptions<any, any>, endpoint: () => unknown = () => ({})): Promise<Response> {
  const { url } = await serving(httpHandler(async () => endpoint(), { errorEncoder: encodeErrorPlain, ...options }));
  return fetch(url, { method: "POST", body: "{}" });
}

const fails = (): never => {
  throw dang;
};

describe("go-kit's tests of the server", () => {
  it.each([
    ["TestServerBadDecode", { decode: fails }, undefined],
    ["TestServerBadEndpoint", {}, fails],
    ["TestServerBadEncode", { encode: fails }, undefined],
  ])("%s: answers 500 with the error's text", async (_, options, endpoint) => {
    const response = await call(options, endpoint);
    expect([response.status, await response.text()]).toEqual([500, "dang"]);
  });

  it("TestServerErrorEncoder: lets the error encoder choose the status", async () => {
    const teapot = new Error("teapot");
    const options: HttpHandlerOptions<any, any> = {
      errorEncoder: (error, reply) => {
        reply.status = error === teapot ? 418 : 500;
      },
    };
    const response = await call(options, () => {
      throw teapot;
    });
    expect(response.status).toBe(418);
  });

  it("TestServerHappyPath: answers 200", async () => {
    expect((await call({})).status).toBe(200);
  });

  it("TestMultipleServerBefore: shows the second function the context of the first, and both to the endpoint", async () => {
    const done = contextKey<string>("@test/done");
    const seen: unknown[] = [];
    const { url } = await serving(
      httpHandler(async (_, ctx) => seen.push(ctx.get(done)), {
        before: [
          (ctx) => ctx.with(done, "the first"),
          (ctx) => {
            seen.push(ctx.get(done));
            return ctx.with(done, "both");
          },
        ],
      }),
    );
    await fetch(url);
    expect(seen).toEqual(["the first", "both"]);
  });

  it("TestMultipleServerAfter: shows the second function the context of the first", async () => {
    const done = contextKey<string>("@test/done");
    const seen: unknown[] = [];
    await call({
      after: [(ctx) => ctx.with(done, "the first"), (ctx) => void seen.push(ctx.get(done))],
    });
    expect(seen).toEqual(["the first"]);
  });

  it("TestServerFinalizer: shows the finalizer status, headers and size", async () => {
    const finalizer = vi.fn<(ctx: Context | undefined, outcome: HttpOutcome) => void>();
    await call({
      encode: (_, reply) => {
        reply.status = 418;
        reply.headers["x-henlo-lizer"] = "Helllo you stinky lizard";
        reply.body = "go eat a fly ugly";
      },
      finalizer: [finalizer],
    });
    expect(finalizer).toHaveBeenCalledExactlyOnceWith(
      expect.anything(),
      expect.objectContaining({
        status: 418,
        headers: expect.objectContaining({ "x-henlo-lizer": "Helllo you stinky lizard" }),
        bytes: 17,
      }),
    );
  });

  it("TestEncodeJSONResponse: lets a response choose status and headers", async () => {
    const response = await call({}, () => ({
      foo: "bar",
      statusCode: () => 402,
      headers: () => ({ "x-edward": "Snowden" }),
    }));
    expect([response.status, response.headers.get("x-edward"), await response.text()]).toEqual([
      402,
      "Snowden",
      '{"foo":"bar"}',
    ]);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  const vary = { headers: () => ({ vary: ["Origin", "User-Agent"] }) };

  it("TestAddMultipleHeaders: sends every value of a header", async () => {
    expect((await call({}, () => vary)).headers.get("vary")).toBe("Origin, User-Agent");
  });

  it("TestAddMultipleHeadersErrorEncoder: does so for an error, and sends its text", async () => {
    const response = await call({}, () => {
      throw Object.assign(new Error("an error"), vary);
    });
    expect([response.headers.get("vary"), await response.text()]).toEqual(["Origin, User-Agent", "an error"]);
  });

  it("TestEncodeNoContent: sends no body with 204", async () => {
    const response = await call({}, () => ({ statusCode: () => 204 }));
    expect([response.status, await response.text()]).toEqual([204, ""]);
  });

  it("TestEnhancedError: lets an error choose status, headers and body", async () => {
    const response = await call({}, () => {
      throw Object.assign(new Error("enhanced"), {
        statusCode: () => 418,
        headers: () => ({ "x-enhanced": "1" }),
        toJSON: () => ({ err: "enhanced" }),
      });
    });
    expect([response.status, response.headers.get("x-enhanced"), await response.text()]).toEqual([
      418,
      "1",
      '{"err":"enhanced"}',
    ]);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  it("TestNoOpRequestDecoder: calls the endpoint with nothing", async () => {
    const endpoint = vi.fn<(request: unknown) => Promise<object>>(async () => ({}));
    const { url } = await serving(httpHandler(endpoint, { decode: nopRequestDecoder }));
    const response = await fetch(url, { method: "POST", body: "this is not decoded" });
    expect([response.status, endpoint.mock.lastCall?.[0]]).toEqual([200, undefined]);
  });

  it.each([
    ["TestSetHeader", "X-Foo", "12345"],
    ["TestSetContentType", "Content-Type", "application/whatever"],
  ])("%s: sets the header of the reply", async (_, name, value) => {
    const encode = (): void => {};
    const response = await call({ after: [setResponseHeader(name, value)], encode });
    expect(response.headers.get(name)).toBe(value);
  });

  it("ExamplePopulateRequestContext: shows the endpoint the request", async () => {
    const seen: unknown[] = [];
    const { url, port } = await serving(
      httpHandler(
        async (_, ctx) => {
          const { method, url: uri, path, peer, header } = ctx.get(httpRequest)!;
          const read = header.bind(ctx.get(httpRequest));
          seen.push(method, uri, path, peer);
          seen.push(...["host", "user-agent", "x-request-id", "accept", "referer"].map(read));
        },
        { before: [populateRequestContext] },
      ),
    );
    await fetch(`${url}/search?q=sympatico`, {
      method: "PATCH",
      headers: { "user-agent": "test", "x-request-id": "a1b2c3d4e5", accept: "text/html" },
    });
    expect(seen).toEqual([
      "PATCH",
      "/search?q=sympatico",
      "/search",
      "127.0.0.1",
      `127.0.0.1:${port}`,
      "test",
      "a1b2c3d4e5",
      "text/html",
      undefined,
    ]);
  });

  it("TestLogErrorHandler: hands the error itself to whoever logs", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    await call({ onError }, fails);
    expect(onError.mock.calls.map(([error]) => error)).toEqual([dang]);
    expect(onError.mock.lastCall?.[0]).toBe(dang);
  });
});

describe("go-kit's tests of the client", () => {
  it.each([
    ["text/plain; charset=utf-8", "dang", decodePlainResponse, "dang"],
    ["text/plain; charset=utf-8", "dang", undefined, "http status 404"],
    ["application/json", '{"message":"ours"}', decodePlainResponse, "ours"],
    ["text/html", "<h1>Not Found</h1>", decodePlainResponse, "http status 404"],
  ])("knows a go-kit server's errors where it is told to: %s, %s", async (type, body, decode, message) => {
    const { url } = await serving((_, response) => {
      response.writeHead(404, { "content-type": type, "retry-after": "2" }).end(body);
    });
    await using client = httpClient({ url, ...(decode && { decode }) });
    await expect(client({}, background)).rejects.toMatchObject({ code: "not_found", message, retryAfterMs: 2_000 });
  });

  it("TestHTTPClient: encodes, sets headers before, looks at headers after, decodes", async () => {
    const asked = vi.fn<(header: unknown) => void>();
    const { url } = await serving((message, response) => {
      asked(message.headers["x-foo"]);
      response.setHeader("X-The-Dude", "dude").end("hello, world!");
    });
    const seen: unknown[] = [];
    await using client = httpClient<object, string>({
      url,
      encode: () => {},
      decode: (response) => response.text(),
      before: [setRequestHeader("X-Foo", "foo")],
      after: [(_, response) => void seen.push(response.header("x-the-dude"))],
    });
    expect(await client({}, background)).toBe("hello, world!");
    expect(asked).toHaveBeenCalledExactlyOnceWith("foo");
    expect(seen).toEqual(["dude"]);
  });

  it("TestHTTPClientBufferedStream: leaves the body to be read when the call is over", async () => {
    let finish!: () => void;
    const { url } = await serving((_, response) => {
      response.write("x".repeat(3_000));
      finish = () => response.end("y".repeat(3_000));
    });
    await using client = httpClient<object, AsyncIterable<Uint8Array>>({
      url,
      stream: true,
      decode: ({ stream }) => stream!,
    });
    const stream = await client({}, background);
    finish();
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("x".repeat(3_000) + "y".repeat(3_000));
  });

  it("TestClientFinalizer: shows the finalizer headers and size of the response", async () => {
    const { url } = await serving((_, response) => {
      response.setHeader("X-Henlo-Lizer", "Helllo you stinky lizard").end("go eat a fly ugly\n");
    });
    const seen: unknown[] = [];
    await using client = httpClient({
      url,
      decode: () => ({}),
      finalizer: [
        (_, { response, error }) => {
          seen.push(response?.header("x-henlo-lizer"), Number(response?.header("content-length")), error);
        },
      ],
    });
    await client({}, background);
    expect(seen).toEqual(["Helllo you stinky lizard", 18, undefined]);
  });

  it("TestEncodeJSONRequest: sends JSON, and the headers that the request brings", async () => {
    const seen: unknown[] = [];
    const { url } = await serving((message, response) => {
      void message.toArray().then((pieces: Buffer[]) => {
        seen.push([Buffer.concat(pieces).toString(), message.headers["x-edward"]]);
        response.end();
      });
    });
    await using client = httpClient({ url, encode: encodeJsonRequest });
    for (const value of [null, 12, 1.2, true, "test"]) await client(value, background);
    await client({ foo: "foo", headers: () => ({ "x-edward": "Snowden" }) }, background);
    expect(seen).toEqual([
      ["null", undefined],
      ["12", undefined],
      ["1.2", undefined],
      ["true", undefined],
      ['"test"', undefined],
      ['{"foo":"foo"}', "Snowden"],
    ]);
  });

  it("TestSetClient: sends by what it is given", async () => {
    const fetch = vi.fn<(request: Request) => Promise<Response>>(async () => new Response("test"));
    const sender = fetchSender({ origin: "http://nobody.invalid", fetch });
    const client = httpClient<object, string>({
      url: "http://nobody.invalid",
      method: "GET",
      sender,
      encode: () => {},
      decode: (response) => response.text(),
    });
    expect(await client({}, background)).toBe("test");
    expect(fetch).toHaveBeenCalledOnce();
  });

  it("TestNewExplicitClient: lets encode write the whole request, whose length then arrives", async () => {
    const seen: unknown[] = [];
    const { server, url } = await serving((_, response) => response.end("ok"));
    const asked = once(server, "request");
    await using client = httpClient<string, unknown>({
      url,
      encode: (text, message) => {
        message.method = "PUT";
        message.path = "/explicit";
        message.body = text;
      },
      decode: (response) => seen.push(response.text()),
    });
    await client("hello world", background);
    const [message] = (await asked) as [IncomingMessage];
    expect([message.method, message.url, message.headers["content-length"]]).toEqual(["PUT", "/explicit", "11"]);
    expect(seen).toEqual(["ok"]);
  });
});

describe("what Go sends", () => {
  it("is understood: a line break after the JSON, a body in chunks, a body with GET", async () => {
    const { url } = await serving(httpHandler(async (request) => request, { encode: encodeJsonResponse }));
    await using client = httpClient({
      url,
      method: "GET",
      encode: (_, message) => {
        message.body = (async function* () {
          yield Buffer.from('{"s":"\\u003ca\\u0026b\\u003e",');
          yield Buffer.from('"n":[1]}\n');
        })();
      },
    });
    expect(await client({}, background)).toEqual({ s: "<a&b>", n: [1] });
  });
});
