import { background, type Endpoint, type KitError } from "@kit/endpoint";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { connectLocal, type DecodeIssue, defineService, implement } from "../src/index.ts";

/** A schema of no library: its validator is all there is. */
const schemaOf = (validate: StandardSchemaV1["~standard"]["validate"]): StandardSchemaV1 => ({
  "~standard": { version: 1, vendor: "test", validate },
});

const requestDecoder = (request: StandardSchemaV1) =>
  defineService("words", { m: { request, response: z.unknown() } }).methods.m.request.decode;

/** What a decoder whose validator finds these issues throws. */
function failureFrom(
  issues: readonly StandardSchemaV1.Issue[],
): KitError<"invalid_argument", { issues: DecodeIssue[] }> {
  try {
    requestDecoder(schemaOf(() => ({ issues })))("value");
  } catch (error) {
    return error as KitError<"invalid_argument", { issues: DecodeIssue[] }>;
  }
  throw new Error("decoded");
}

const message = "does not fit";
const isFree = async (name: string): Promise<boolean> => name !== "taken";

describe("decode", () => {
  it("answers at once when the validator does", () => {
    expect(requestDecoder(z.coerce.number())("42")).toBe(42);
    expect(requestDecoder(v.pipe(v.string(), v.trim()))(" a ")).toBe("a");
  });

  it("hands the value to the validator as it came", () => {
    const validate = vi.fn<(value: unknown) => { value: unknown }>((value) => ({ value }));
    const value = { deep: [] };
    expect(requestDecoder(schemaOf(validate))(value)).toBe(value);
    expect(validate.mock.calls).toEqual([[value]]);
  });

  it.each([
    ["zod", z.string().refine(isFree, { error: message })],
    ["valibot", v.pipeAsync(v.string(), v.checkAsync(isFree, message))],
    ["no library", schemaOf(async (value) => ((await isFree(String(value))) ? { value } : { issues: [{ message }] }))],
  ])("waits for an asynchronous validator of %s", async (_, schema) => {
    const decode = requestDecoder(schema);
    await expect(decode("free")).resolves.toBe("free");
    await expect(decode("taken")).rejects.toMatchObject({
      code: "invalid_argument",
      message: `words.m: invalid request: ${message}`,
      details: { issues: [{ path: "", message }] },
    });
  });

  it.each<[string, StandardSchemaV1.Issue["path"], string]>([
    ["no path", undefined, ""],
    ["an empty path", [], ""],
    ["a key", ["name"], "name"],
    ["an index", [0], "0"],
    ["a symbol", [Symbol("tag")], "Symbol(tag)"],
    ["keys and indexes", ["a", 0, "b"], "a.0.b"],
    ["segments", [{ key: "a" }, { key: 1 }, { key: Symbol.iterator }], "a.1.Symbol(Symbol.iterator)"],
    ["keys mixed with segments", ["a", { key: 1 }], "a.1"],
    ["a key that names a prototype", ["__proto__", "polluted"], "__proto__.polluted"],
  ])("writes %s", (_, path, written) => {
    const { details, message: whole } = failureFrom([path === undefined ? { message } : { message, path }]);
    expect(details).toStrictEqual({ issues: [{ path: written, message }] });
    expect(whole).toBe(`words.m: invalid request: ${written === "" ? "" : `${written}: `}${message}`);
  });

  it("tells of the first 16 issues, in order, however many there are", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.array(fc.nat()), fc.string()), { minLength: 1, maxLength: 40 }), (found) => {
        const issues = found.map(([path, text]) => ({ path, message: text }));
        const expected = found.slice(0, 16).map(([path, text]) => ({ path: path.join("."), message: text }));
        expect(failureFrom(issues).details).toStrictEqual({ issues: expected });
      }),
    );
  });

  it("keeps to itself what a validator adds to an issue, such as the value", () => {
    const issue = { message, path: ["password"], input: "secret", received: "secret" };
    expect(JSON.stringify(failureFrom([issue]))).not.toContain("secret");
  });

  it.each([
    [
      "throws",
      schemaOf(() => {
        throw new Error("secret");
      }),
    ],
    ["rejects", schemaOf(() => Promise.reject(new Error("secret")))],
    [
      "is given a refinement that throws",
      z.string().refine(() => {
        throw new Error("secret");
      }),
    ],
  ])("tells the caller nothing of a validator that %s", async (_, request) => {
    const Words = defineService("words", { m: { request, response: z.unknown() } });
    const onError = vi.fn<(error: unknown) => void>();
    const handler = vi.fn<Endpoint>();
    const client = connectLocal(Words, implement(Words, { m: handler }), { onError });
    await expect(client.m("a", background)).rejects.toMatchObject({ code: "unknown", message: "internal error" });
    expect(onError.mock.calls).toEqual([[new Error("secret")]]);
    expect(handler).not.toHaveBeenCalled();
  });

  it.each([
    ["an open object", z.looseObject({})],
    ["a record", z.record(z.string(), z.unknown())],
    ["anything", z.unknown()],
    ["an open object of valibot", v.looseObject({})],
    ["a record of valibot", v.record(v.string(), v.unknown())],
  ])("is not harmed by keys that name a prototype in %s", (_, schema) => {
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    const decoded = requestDecoder(schema)(hostile) as object;
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect("polluted" in decoded).toBe(false);
    expect("polluted" in {}).toBe(false);
  });
});
