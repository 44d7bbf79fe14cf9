import { inspect } from "node:util";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type Code,
  codeOf,
  codes,
  fromWire,
  isKitError,
  KitError,
  refusal,
  toWire,
  type WireError,
} from "../src/index.ts";

const allCodes = Object.keys(codes) as Code[];
const anyCode = fc.constantFrom(...allCodes);

describe("codes", () => {
  // Written out a second time: the numbers are a contract with other languages, so a slip must not pass unseen.
  const contract: [code: string, grpc: number, http: number, jsonrpc: number][] = [
    ["canceled", 1, 499, -32000],
    ["unknown", 2, 500, -32603],
    ["invalid_argument", 3, 400, -32602],
    ["deadline_exceeded", 4, 504, -32000],
    ["not_found", 5, 404, -32000],
    ["already_exists", 6, 409, -32000],
    ["permission_denied", 7, 403, -32000],
    ["resource_exhausted", 8, 429, -32000],
    ["failed_precondition", 9, 400, -32000],
    ["aborted", 10, 409, -32000],
    ["out_of_range", 11, 400, -32602],
    ["unimplemented", 12, 501, -32601],
    ["internal", 13, 500, -32603],
    ["unavailable", 14, 503, -32000],
    ["data_loss", 15, 500, -32603],
    ["unauthenticated", 16, 401, -32000],
  ];

  it("are the sixteen canonical ones, with gRPC's numbers, Connect's statuses and JSON-RPC's codes", () => {
    expect(Object.entries(codes).map(([code, { grpc, http, jsonrpc }]) => [code, grpc, http, jsonrpc])).toEqual(
      contract,
    );
  });
});

describe("KitError", () => {
  it("is an Error that carries what it was given and nothing else", () => {
    const cause = new Error("connection reset");
    const error = new KitError("unavailable", "no billing", {
      details: { host: "b1" },
      cause,
      retryAfterMs: 250,
      notSent: true,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("KitError");
    expect(error.stack).toMatch(/^KitError: no billing\n {4}at /);
    expect(error.cause).toBe(cause);
    expect(Object.entries(error)).toEqual([
      ["code", "unavailable"],
      ["details", { host: "b1" }],
      ["retryAfterMs", 250],
      ["notSent", true],
    ]);
    expect(Object.entries(new KitError("internal", "bare"))).toEqual([["code", "internal"]]);
    expect("cause" in new KitError("internal", "bare")).toBe(false);
  });

  it("prints without its brand", () => {
    expect(inspect(refusal("not_found", "no such user", { details: { id: 7 } }), { breakLength: Infinity })).toBe(
      "[KitError: no such user] { code: 'not_found', details: { id: 7 } }",
    );
  });

  it("keeps the types of its code and details", () => {
    const error = new KitError("not_found", "no such user", { details: { id: 7 } });
    expectTypeOf(error).toEqualTypeOf<KitError<"not_found", { id: number }>>();
    expectTypeOf(error.details).toEqualTypeOf<{ id: number } | undefined>();
    expectTypeOf(refusal("aborted", "again")).toEqualTypeOf<KitError<"aborted">>();
    expectTypeOf<KitError<"not_found", { id: number }>>().toExtend<KitError>();
    // @ts-expect-error there are sixteen codes
    void (() => new KitError("teapot", "short and stout"));
  });
});

describe("refusal", () => {
  it("is a KitError without a stack", () => {
    const error = refusal("resource_exhausted", "rate limit exceeded", { retryAfterMs: 10 });
    expect(isKitError(error)).toBe(true);
    expect(error).toMatchObject({ code: "resource_exhausted", message: "rate limit exceeded", retryAfterMs: 10 });
    expect(error.stack).toBe("KitError: rate limit exceeded");
  });

  it("leaves the stacks of other errors alone, also when it is interrupted", () => {
    const limit = Error.stackTraceLimit;
    refusal("unavailable", "open");
    expect(Error.stackTraceLimit).toBe(limit);
    const hostile = {
      get details(): never {
        throw new Error("no details");
      },
    };
    expect(() => refusal("unavailable", "open", hostile)).toThrow("no details");
    expect(Error.stackTraceLimit).toBe(limit);
    expect(new Error("afterwards").stack).toMatch(/\n {4}at /);
  });
});

describe("codeOf", () => {
  it("is a KitError's own code", () => {
    for (const code of allCodes) expect(codeOf(new KitError(code, "x"))).toBe(code);
  });

  it("knows a KitError of another copy of this package by its brand", () => {
    const foreign = Object.assign(new Error("elsewhere"), {
      code: "not_found",
      [Symbol.for("@kit/endpoint/KitError")]: true,
    });
    expect(foreign).not.toBeInstanceOf(KitError);
    expect(isKitError(foreign)).toBe(true);
    expect(codeOf(foreign)).toBe("not_found");
  });

  it("knows the platform's aborts and timeouts", () => {
    expect(codeOf(AbortSignal.abort().reason)).toBe("canceled");
    expect(codeOf(new DOMException("too late", "TimeoutError"))).toBe("deadline_exceeded");
    expect(
      codeOf(Object.assign(new Error("as Node's own modules have it"), { name: "AbortError", code: "ABORT_ERR" })),
    ).toBe("canceled");
  });

  it.each([
    ["an error with a code of its own", Object.assign(new Error("x"), { code: "not_found" })],
    ["an error of the system", Object.assign(new Error("x"), { code: "ECONNREFUSED" })],
    ["a look-alike without the brand", { name: "KitError", code: "not_found", message: "x" }],
    ["a brand that is not true", { [Symbol.for("@kit/endpoint/KitError")]: 1, code: "not_found" }],
    ["a string", "not_found"],
    ["null", null],
    ["nothing", undefined],
    ["a symbol", Symbol("not_found")],
  ])("is unknown for %s", (_, thrown) => {
    expect(codeOf(thrown)).toBe("unknown");
  });

  it("gives one of the sixteen for whatever is thrown", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (thrown) => {
        expect(allCodes).toContain(codeOf(thrown));
      }),
    );
  });
});

describe("toWire", () => {
  it("tells all of a KitError but its cause, its stack and what is for this process only", () => {
    const error = new KitError("unavailable", "no billing", {
      details: { host: "b1" },
      cause: new Error("password is hunter2"),
      retryAfterMs: 250,
      notSent: true,
    });
    expect(toWire(error)).toEqual({
      code: "unavailable",
      message: "no billing",
      details: { host: "b1" },
      retryAfterMs: 250,
    });
    expect(toWire(new KitError("internal", "bare"))).toEqual({ code: "internal", message: "bare" });
  });

  it("keeps falsy details", () => {
    for (const details of [null, 0, "", false])
      expect(toWire(new KitError("aborted", "x", { details }))).toHaveProperty("details", details);
  });

  it("tells nothing of any other error but its code", () => {
    expect(toWire(new TypeError("secret"))).toEqual({ code: "unknown", message: "internal error" });
    expect(toWire(new DOMException("secret", "AbortError"))).toEqual({ code: "canceled", message: "canceled" });
    expect(toWire(new DOMException("secret", "TimeoutError"))).toEqual({
      code: "deadline_exceeded",
      message: "deadline_exceeded",
    });
  });

  it("never lets a message through that is not a KitError's, whatever is thrown", () => {
    const thrown = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true }),
      fc.string().map((message) => new Error(message)),
      fc.string().map((message) => ({ message, details: message, code: "not_found" })),
    );
    fc.assert(
      fc.property(thrown, (value) => {
        const wire = toWire(value);
        expect(Object.keys(wire)).toEqual(["code", "message"]);
        expect(["internal error", "canceled", "deadline_exceeded"]).toContain(wire.message);
      }),
    );
  });
});

describe("fromWire", () => {
  const anyWire: fc.Arbitrary<WireError> = fc.record(
    {
      code: anyCode,
      message: fc.string({ unit: "binary" }),
      details: fc.jsonValue(),
      retryAfterMs: fc.nat(),
    },
    { requiredKeys: ["code", "message"], noNullPrototype: true },
  );

  it("is the inverse of toWire, also through JSON", () => {
    fc.assert(
      fc.property(anyWire, (wire) => {
        expect(toWire(fromWire(wire))).toEqual(wire);
        const json: unknown = JSON.parse(JSON.stringify(wire));
        expect(toWire(fromWire(json))).toEqual(json);
      }),
    );
  });

  it("makes a KitError of anything JSON can say, with a code of the sixteen or the fallback", () => {
    fc.assert(
      fc.property(fc.jsonValue(), anyCode, (json, fallback) => {
        const error = fromWire(json, fallback);
        const sent: unknown = (json as { code?: unknown } | null)?.code;
        expect(isKitError(error)).toBe(true);
        expect(error.code).toBe(typeof sent === "string" && allCodes.includes(sent as Code) ? sent : fallback);
        expect(typeof error.message).toBe("string");
        expect("cause" in error).toBe(false);
      }),
    );
  });

  it("makes one of near misses: right fields with wrong values", () => {
    const field = fc.oneof(anyCode, fc.anything({ withBigInt: true, withNullPrototype: true }));
    fc.assert(
      fc.property(
        fc.record({ code: field, message: field, details: field, retryAfterMs: field }, { requiredKeys: [] }),
        (wire) => {
          const error = fromWire(wire);
          expect(allCodes).toContain(error.code);
          expect(typeof error.message).toBe("string");
          expect(error.retryAfterMs === undefined || error.retryAfterMs >= 0).toBe(true);
        },
      ),
    );
  });

  it.each(["toString", "__proto__", "constructor", "hasOwnProperty", "UNAVAILABLE", "cancelled", ""])(
    "does not take %j for a code",
    (code) => {
      expect(fromWire({ code, message: "x" }).code).toBe("unknown");
      expect(fromWire({ code, message: "x" }, "unavailable").code).toBe("unavailable");
    },
  );

  it("names the code where the message is none", () => {
    expect(fromWire({ code: "not_found", message: { toString: () => "x" } }).message).toBe("not_found");
    expect(fromWire(undefined, "unavailable").message).toBe("unavailable");
    expect(fromWire({ code: "not_found", message: "" }).message).toBe("");
  });

  it.each([-1, Number.NaN, "250", null, {}])("drops %j as a delay", (retryAfterMs) => {
    expect("retryAfterMs" in fromWire({ code: "unavailable", message: "x", retryAfterMs })).toBe(false);
  });

  it("takes no cause, stack or brand from a peer", () => {
    const error = fromWire({ code: "internal", message: "x", cause: "y", stack: "z", name: "Evil", notSent: true });
    expect(error).not.toHaveProperty("cause");
    expect(error).not.toHaveProperty("notSent");
    expect(error.stack).not.toBe("z");
    expect(error.name).toBe("KitError");
  });
});
