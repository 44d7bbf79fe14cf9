import { background, type Code, codes, KitError } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import {
  codeOfStatus,
  encodeError,
  encodeErrorPlain,
  fetchSender,
  httpClient,
  httpHandler,
  type HttpReply,
  statusError,
} from "../src/index.ts";

function encoded(error: unknown, encode: typeof encodeError = encodeError): HttpReply {
  const reply: HttpReply = { status: 200, headers: {}, body: undefined };
  encode(error, reply);
  return reply;
}

describe("encodeError", () => {
  it.each(Object.keys(codes) as Code[])("answers %s with its status and Connect's body", (code) => {
    expect(encoded(new KitError(code, "why", { details: [1] }))).toEqual({
      status: codes[code].http,
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ code, message: "why", details: [1] }),
    });
  });

  it.each([
    [1, "1"],
    [1000, "1"],
    [1001, "2"],
    [0, "0"],
  ])("says a hint of %i ms in whole seconds, and the exact one in the body", (retryAfterMs, seconds) => {
    const reply = encoded(new KitError("unavailable", "later", { retryAfterMs }));
    expect(reply.headers["retry-after"]).toBe(seconds);
    expect(JSON.parse(reply.body as string)).toEqual({ code: "unavailable", message: "later", retryAfterMs });
  });

  it.each([[new Error("secret")], [{ message: "secret", code: "not_found" }], ["secret"], [undefined], [null], [1n]])(
    "tells nothing of %o",
    (error) => {
      expect(encoded(error)).toMatchObject({ status: 500, body: '{"code":"unknown","message":"internal error"}' });
    },
  );

  it("lets an error choose its status and headers, whatever else it is", () => {
    const error = Object.assign(new KitError("not_found", "gone for good"), {
      statusCode: () => 410,
      headers: () => ({ "x-since": "2020", "content-type": "application/problem+json" }),
    });
    expect(encoded(error)).toMatchObject({
      status: 410,
      headers: { "x-since": "2020", "content-type": "application/problem+json" },
    });
    expect(encoded(statusError(451, "permission_denied", "no"))).toMatchObject({ status: 451 });
  });

  it("answers 500 where JSON cannot say the details", async () => {
    const handler = httpHandler(() => Promise.reject(new KitError("not_found", "no", { details: 1n })));
    const response = await handler.fetch(new Request("http://test"));
    expect([response.status, await response.json()]).toEqual([500, { code: "unknown", message: "internal error" }]);
  });
});

describe("encodeErrorPlain", () => {
  const plain = "text/plain; charset=utf-8";

  it.each([
    [new Error("dang"), "dang"],
    [new KitError("not_found", "no such thing"), "no such thing"],
    [new Error(""), ""],
    ["text", "text"],
    [undefined, "undefined"],
    [["a", 1], "a,1"],
  ])("answers 500 with the bare text of %o", (error, body) => {
    expect(encoded(error, encodeErrorPlain)).toEqual({ status: 500, headers: { "content-type": plain }, body });
  });

  it("looks at the error itself, not at what it wraps", () => {
    const cause = Object.assign(new Error("inner"), { statusCode: () => 418 });
    expect(encoded(new Error("outer", { cause }), encodeErrorPlain)).toMatchObject({ status: 500, body: "outer" });
  });

  it("answers with an error's own JSON, status and headers", () => {
    const error = { statusCode: () => 418, headers: () => ({ "x-a": ["1", "2"] }), toJSON: () => ({ err: "<e>" }) };
    expect(encoded(error, encodeErrorPlain)).toEqual({
      status: 418,
      headers: { "content-type": "application/json; charset=utf-8", "x-a": ["1", "2"] },
      body: '{"err":"<e>"}',
    });
  });
});

describe("what a client makes of a failed reply", () => {
  async function failure(status: number, body: string, headers: Record<string, string> = {}): Promise<unknown> {
    const fetch = async (): Promise<Response> => new Response(body, { status, headers });
    const client = httpClient({ url: "http://test", sender: fetchSender({ origin: "http://test", fetch }) });
    return client({}, background).catch((error: unknown) => error);
  }

  it("is what the body says", async () => {
    const wire = { code: "aborted", message: "again", details: { n: 1 }, retryAfterMs: 1_500 };
    const error = await failure(503, JSON.stringify(wire), { "retry-after": "2" });
    expect(error).toMatchObject(wire);
  });

  it.each([
    [400, "invalid_argument"],
    [401, "unauthenticated"],
    [403, "permission_denied"],
    [404, "not_found"],
    [405, "unimplemented"],
    [408, "deadline_exceeded"],
    [409, "aborted"],
    [413, "resource_exhausted"],
    [418, "unknown"],
    [429, "resource_exhausted"],
    [500, "unknown"],
    [501, "unimplemented"],
    [502, "unavailable"],
    [503, "unavailable"],
    [504, "deadline_exceeded"],
  ])("is what %i means where the body does not say", async (status, code) => {
    expect(codeOfStatus(status)).toBe(code);
    for (const body of ["", "<html>Bad</html>", "null", "[]", "5", '"text"', '{"error":"x"}', '{"code":"NOPE"}']) {
      expect(await failure(status, body)).toMatchObject({ code, message: `http status ${status}` });
    }
  });

  it("heeds Retry-After of a proxy", async () => {
    expect(await failure(503, "busy", { "retry-after": "7" })).toMatchObject({ retryAfterMs: 7_000 });
    for (const value of ["", "soon", "-1", "1.5", "Infinity", "1e999", "9".repeat(400)]) {
      expect(await failure(503, "busy", { "retry-after": value })).not.toHaveProperty("retryAfterMs");
    }
  });

  it("survives a body whose parts are not what they should be", async () => {
    const wire = { code: 7, message: { evil: 1 }, details: null, retryAfterMs: "soon" };
    const error = (await failure(503, JSON.stringify(wire))) as KitError;
    expect([error.code, error.message, error.retryAfterMs]).toEqual(["unavailable", "unavailable", undefined]);
    const polluting = await failure(400, '{"code":"not_found","message":"m","__proto__":{"polluted":1}}');
    expect(polluting).toMatchObject({ code: "not_found", message: "m" });
    expect(polluting).not.toHaveProperty("polluted");
    expect({}).not.toHaveProperty("polluted");
  });
});
