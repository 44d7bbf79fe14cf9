import { anything, assert, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { plain } from "../src/index.ts";

describe("plain", () => {
  it.for<[unknown, unknown]>([
    ["text", "text"],
    [1.5, 1.5],
    [Number.NaN, Number.NaN],
    [true, true],
    [null, null],
    [undefined, undefined],
    [12n, "12"],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [new Map([["a", new Set([1])]]), { a: [1] }],
  ])("makes of %o the plain %o", ([value, expected]) => {
    expect(plain(value)).toEqual(expected);
  });

  it("tells of an error its known parts and its causes", () => {
    const cause = new Error("disk full");
    const error = Object.assign(new TypeError("cannot save", { cause }), { code: "ENOSPC", config: "secret" });
    expect(plain({ error })).toEqual({
      error: {
        name: "TypeError",
        message: "cannot save",
        code: "ENOSPC",
        stack: error.stack,
        cause: { name: "Error", message: "disk full", stack: cause.stack },
      },
    });
  });

  it("copies, and cuts what is more than the limit", () => {
    const value = { inner: { n: 1 } };
    const copy = plain(value);
    value.inner.n = 2;
    expect(copy).toEqual({ inner: { n: 1 } });
    expect(plain("x".repeat(100), 10)).toBe("xxxxxxxxxx…(+90)");
    expect(JSON.stringify(plain(Array.from({ length: 100_000 }, () => "x"))).length).toBeLessThan(20_000);
  });

  it("makes something that JSON can print of anything, whatever the limit", () => {
    assert(
      property(anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, maxDepth: 4 }), (value) => {
        for (const limit of [1, 7, 40, 1000]) JSON.stringify(plain(value, limit));
      }),
    );
  });
});
