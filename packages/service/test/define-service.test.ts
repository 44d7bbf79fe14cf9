import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { defineService, type MethodSpec } from "../src/index.ts";

const spec = { request: z.string(), response: z.string() };

describe("defineService", () => {
  it("describes each method, in the order written", () => {
    const Words = defineService("words", {
      upper: { ...spec, http: "GET /upper/{word}", idempotent: true, timeoutMs: 250 },
      count: { ...spec, errors: { not_found: z.string(), aborted: z.string() } },
    });
    expect(Words.name).toBe("words");
    expect(Object.keys(Words.methods)).toEqual(["upper", "count"]);
    expect(Words.methods.upper).toEqual({
      service: "words",
      name: "upper",
      http: "GET /upper/{word}",
      idempotent: true,
      timeoutMs: 250,
      request: { decode: expect.any(Function) },
      response: { decode: expect.any(Function) },
      errors: {},
    });
    expect(Object.keys(Words.methods.count.errors)).toEqual(["not_found", "aborted"]);
  });

  it("takes a method for neither idempotent nor bounded nor placed on HTTP unless told so", () => {
    const { m } = defineService("words", { m: spec }).methods;
    expect(m).toMatchObject({ http: undefined, idempotent: false, timeoutMs: undefined });
  });

  it("takes a service without methods", () => {
    expect(defineService("nothing", {}).methods).toEqual({});
  });

  it("does not validate anything yet", () => {
    const validate = vi.fn<() => { value: unknown }>(() => ({ value: 1 }));
    const schema = { "~standard": { version: 1, vendor: "test", validate } } as const;
    defineService("words", { m: { request: schema, response: schema, errors: { aborted: schema } } });
    expect(validate).not.toHaveBeenCalled();
  });

  it.each(["a", "addsvc", "Add_Svc-2", "acme.billing.v1"])("takes %j as a service's name", (name) => {
    expect(defineService(name, {}).name).toBe(name);
  });

  it.each(["", " ", "1st", "-a", ".a", "_a", "a b", "a/b", "a*", "a>", "a:b", "é", "a\n", "a\0", "a\r\nX-Evil: 1"])(
    "refuses %j as a service's name",
    (name) => {
      expect(() => defineService(name, {})).toThrow(
        new TypeError(`defineService: "${name}" cannot be a service's name`),
      );
    },
  );

  it.each(["a", "getProfile", "get_profile2", "Get", "catch"])("takes %j as a method's name", (name) => {
    expect(defineService("words", { [name]: spec }).methods[name]).toMatchObject({ name });
  });

  it.each(["", "1", "0", "a b", "a-b", "a.b", "a/b", "_a", "$a", "é", "a\n", "then", "constructor", "__proto__"])(
    "refuses %j as a method's name",
    (name) => {
      expect(() => defineService("words", { [name]: spec })).toThrow(
        new TypeError(`defineService: "${name}" cannot be a method of words`),
      );
    },
  );

  it.each([0, -1, -0, Number.NaN, Number.NEGATIVE_INFINITY])("refuses %d as a timeoutMs", (timeoutMs) => {
    expect(() => defineService("words", { m: { ...spec, timeoutMs } })).toThrow(
      new TypeError(`defineService: timeoutMs of words.m must be positive, got ${timeoutMs}`),
    );
  });

  it.each(["request", "response"])("refuses a method without a schema for its %s", (part) => {
    const specs = { m: { ...spec, [part]: undefined } as unknown as MethodSpec };
    expect(() => defineService("words", specs)).toThrow(TypeError);
  });
});
