import { create, toBinary } from "@bufbuild/protobuf";
import { Int32ValueSchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { background, codeOf, KitError } from "@kit/endpoint";
import { messageCodec, protobufService } from "@kit/protobuf";
import { type ClientRequest, fetchSender, type HttpReply } from "@kit/transport-http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  connectHttpProto,
  encodeProtoRequest,
  encodeProtoResponse,
  httpProtoClient,
  httpProtoHandler,
  serveHttpProto,
} from "../src/index.ts";

const [text, number] = [messageCodec(StringValueSchema), messageCodec(Int32ValueSchema)];
const Words = protobufService({
  name: "demo.Words",
  methods: { count: { path: "/demo.Words/Count", requestCodec: text, responseCodec: number } },
});
const handler = serveHttpProto(
  Words,
  {
    async count({ value }) {
      if (value === "") throw new KitError("not_found", "no words");
      return { value: value.split(" ").length };
    },
  },
  { maxBytes: 1_000 },
);
const path = "http://suite/demo.Words/Count";
const post = (body: Uint8Array, headers: Record<string, string> = {}) =>
  handler.fetch(new Request(path, { method: "POST", body: new Uint8Array(body), headers }));

describe("go-kit's encoders", () => {
  const cat = { value: "cat", headers: () => ({ "x-edward": "snowden" }), statusCode: () => 418 };

  it("TestEncodeProtoRequest: type, headers and bytes", () => {
    const message: ClientRequest = { method: "POST", path: "/", headers: {}, body: undefined };
    encodeProtoRequest(text)(cat, message);
    expect(message.headers).toEqual({ "content-type": "application/x-protobuf", "x-edward": "snowden" });
    expect(message.body).toEqual(toBinary(StringValueSchema, create(StringValueSchema, { value: "cat" })));
  });

  it("TestEncodeProtoResponse: status and headers are the response's own", () => {
    const reply: HttpReply = { status: 200, headers: {}, body: undefined };
    encodeProtoResponse(text)(cat, reply);
    expect(reply).toMatchObject({
      status: 418,
      headers: { "content-type": "application/x-protobuf", "x-edward": "snowden" },
    });
    expect(text.decode(reply.body as Uint8Array).value).toBe("cat");
  });

  it("have no body with 204", () => {
    const reply: HttpReply = { status: 200, headers: {}, body: undefined };
    encodeProtoResponse(text)({ value: "", statusCode: () => 204 } as object, reply);
    expect(reply).toMatchObject({ status: 204, body: undefined });
  });
});

describe("a service", () => {
  it("is served at the paths of its IDL, and called there", async () => {
    const sender = fetchSender({ origin: "http://suite", fetch: (request) => handler.fetch(request) });
    const words = connectHttpProto(Words, { url: "http://suite", sender });
    expect(await words.count({ value: "to be or not" }, background)).toMatchObject({ value: 4 });
    await expect(words.count({ value: "" }, background)).rejects.toMatchObject({
      code: "not_found",
      message: "no words",
    });
    await expect(words.count({ value: "x".repeat(2_000) }, background)).rejects.toMatchObject({
      code: "resource_exhausted",
    });
  });

  it("answers protobuf, and errors as JSON", async () => {
    const response = await post(text.encode({ value: "a b" }));
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-protobuf"]);
    expect(number.decode(new Uint8Array(await response.arrayBuffer())).value).toBe(2);
    const refused = await post(text.encode({ value: "" }));
    expect([refused.status, await refused.json()]).toEqual([404, { code: "not_found", message: "no words" }]);
  });

  it.each(["application/x-protobuf", "application/protobuf; proto=a.B", "application/proto"])(
    "takes %s",
    async (type) => {
      expect((await post(text.encode({ value: "a" }), { "content-type": type })).status).toBe(200);
    },
  );

  it("refuses what is no protobuf", async () => {
    expect((await post(Buffer.from("{}"), { "content-type": "application/json" })).status).toBe(415);
    const garbage = await post(Buffer.from([0x0a, 0xff]));
    expect([garbage.status, ((await garbage.json()) as { code: string }).code]).toEqual([400, "invalid_argument"]);
  });

  it("tells an unknown path from a wrong verb", async () => {
    expect((await handler.fetch(new Request("http://suite/nowhere", { method: "POST" }))).status).toBe(404);
    const got = await handler.fetch(new Request(path));
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("hands other paths on", async () => {
    const other = httpProtoHandler(async () => ({ value: "other" }), { requestCodec: text, responseCodec: text });
    const both = serveHttpProto(Words, { count: async () => ({ value: 0 }) }, { otherwise: other });
    const response = await both.fetch(new Request("http://suite/else", { method: "POST" }));
    expect(text.decode(new Uint8Array(await response.arrayBuffer())).value).toBe("other");
  });

  it("answers whatever bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 1_100 }), async (body) => {
        expect([200, 400, 404, 413]).toContain((await post(body)).status);
      }),
    );
  });

  it("cannot stream", () => {
    const Streams = protobufService({
      name: "s",
      methods: { all: { path: "/s.S/All", requestCodec: text, responseCodec: text, responseStream: true } },
    });
    const all = { all: async () => (async function* () {})() };
    expect(() => serveHttpProto(Streams, all as never)).toThrow("s.all streams");
    expect(() => connectHttpProto(Streams, { url: "http://suite" })).toThrow("s.all streams");
  });

  it.each([{ prefix: "v1" }, { maxBytes: 0 }])("refuses %j", (options) => {
    expect(() => serveHttpProto(Words, { count: async () => ({ value: 0 }) }, options)).toThrow(
      /^(serveHttpProto: prefix|httpHandler: maxBytes) must be/,
    );
  });
});

it("tells a reply that is no such message as internal", async () => {
  const fetch = async () => new Response(new Uint8Array([0x0a, 0xff]));
  const sender = fetchSender({ origin: "http://suite", fetch });
  const client = httpProtoClient({ url: "http://suite/x", sender, requestCodec: text, responseCodec: text });
  expect(codeOf(await client({ value: "" }, background).catch((error: unknown) => error))).toBe("internal");
});
