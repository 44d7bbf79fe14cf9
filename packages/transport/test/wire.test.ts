import { background, codeOf, KitError } from "@kit/endpoint";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeWireError,
  encodePlainError,
  encodeWireError,
  keyNames,
  limit,
  parseJson,
  parseTimeout,
  timeoutText,
} from "../src/index.ts";

describe("a deadline", () => {
  it("crosses as the milliseconds that are left", () => {
    expect(timeoutText(background)).toBeUndefined();
    expect(timeoutText(background.withDeadline(0))).toBe("0");
    expect(timeoutText(background.withDeadline(1e15))).toBe("9999999999");
    expect(Number(timeoutText(background.withTimeout(5_000)))).toBeGreaterThan(4_000);
  });

  it("is read back, and refused when it is no number", () => {
    expect([parseTimeout("timeout-ms", undefined), parseTimeout("timeout-ms", "250")]).toEqual([Infinity, 250]);
    for (const text of ["", "-1", "1.5", "1e3", "0x10", "12345678901", " 1", "abc"]) {
      expect(() => parseTimeout("timeout-ms", text), text).toThrow("timeout-ms: not a number of milliseconds");
    }
  });
});

describe("an error", () => {
  it("crosses with code, message and details", () => {
    const error = new KitError("not_found", "nobody", { details: { id: 7 }, retryAfterMs: 20 });
    const { code, body } = encodeWireError(error);
    expect(code).toBe("not_found");
    expect(decodeWireError(code, body)).toMatchObject({
      code,
      message: "nobody",
      details: { id: 7 },
      retryAfterMs: 20,
    });
  });

  it("says nothing of what is no KitError", () => {
    expect(encodeWireError(new Error("secret"))).toEqual({
      code: "unknown",
      body: '{"code":"unknown","message":"internal error"}',
    });
  });

  it("crosses without details that JSON cannot say", () => {
    const details: Record<string, unknown> = {};
    details["self"] = details;
    const { body } = encodeWireError(new KitError("aborted", "no", { details }));
    expect(body).toBe('{"code":"aborted","message":"no"}');
  });

  it("is known by its header, whatever the body", () => {
    fc.assert(
      fc.property(fc.string(), (body) => {
        expect(decodeWireError("aborted", body).code).toBe("aborted");
        expect(codeOf(decodeWireError("no such code", body))).toBe("unknown");
      }),
    );
    fc.assert(
      fc.property(fc.json(), (body) => {
        expect(decodeWireError("aborted", body).code).toBe("aborted");
      }),
    );
  });

  it("TestErrorEncoder: is what go-kit makes of it where that is wanted", () => {
    expect(encodePlainError(new Error("oh no"))).toBe('{"err":"oh no"}');
    expect(encodePlainError("dang")).toBe('{"err":"dang"}');
  });
});

describe("JSON from a stranger", () => {
  it("is parsed like any other", () => {
    fc.assert(
      fc.property(
        fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__")),
        (value) => {
          expect(parseJson(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
    );
  });

  it("may not reach for prototypes, however it spells that", () => {
    for (const text of ['{"__proto__":{}}', '{"a":{"\\u005f_proto__":1}}']) {
      expect(() => parseJson(text)).toThrow('body: the key "__proto__" is not allowed');
    }
    expect(parseJson('{"a":"__proto__"}')).toEqual({ a: "__proto__" });
  });

  it("is understood whatever the case of its keys, where that is wanted", () => {
    const names = keyNames(["a", "someName"])!;
    expect(parseJson('{"A":1,"list":[{"SOMENAME":2,"B":3}]}', { names })).toEqual({
      a: 1,
      list: [{ someName: 2, B: 3 }],
    });
    expect(parseJson('{"A":1,"a":2}', { names })).toEqual({ A: 1, a: 2 });
    expect(() => parseJson('{"__PROTO__":1,"__proto__":{}}', { names })).toThrow("is not allowed");
    expect(keyNames(undefined)).toBeUndefined();
  });

  it("is refused without being repeated", () => {
    expect(() => parseJson("{secret", { what: "payload" })).toThrow(
      new KitError("invalid_argument", "payload: not valid JSON"),
    );
  });
});

it("takes limits that are positive numbers, and names the others", () => {
  expect(limit("serveX: maxBytes", undefined, 5)).toBe(5);
  expect(limit("serveX: maxBytes", Infinity, 5)).toBe(Infinity);
  for (const wrong of [0, -1, Number.NaN, "1" as never]) {
    expect(() => limit("serveX: maxBytes", wrong, 5)).toThrow("serveX: maxBytes must be a positive number");
  }
});
