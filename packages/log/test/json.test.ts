import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { bind, jsonLogger, type JsonLoggerOptions, keyvals, nopLogger } from "../src/index.ts";

/** The line of one record, without its newline. */
function line(fields: Record<string, unknown>, options?: JsonLoggerOptions): string {
  const lines: string[] = [];
  jsonLogger({ write: (each) => lines.push(each) }, options).log(fields);
  expect(lines).toHaveLength(1);
  expect(lines[0]!.endsWith("}\n")).toBe(true);
  return lines[0]!.slice(0, -1);
}

function value(of: unknown, options?: JsonLoggerOptions): unknown {
  return (JSON.parse(line({ of }, options)) as { of?: unknown }).of;
}

function raise(): never {
  throw new Error("oh");
}

class Celsius {
  readonly degrees: number;
  constructor(degrees: number) {
    this.degrees = degrees;
  }
  toString(): string {
    return `${this.degrees} °C`;
  }
}

describe("jsonLogger", () => {
  // go-kit: TestJSONLogger, which sorts
  it("prints names in the order of the record", () => {
    expect(line({ err: new Error("err"), m: { 0: 0 }, a: [1, 2, 3] })).toBe('{"err":"err","m":{"0":0},"a":[1,2,3]}');
  });

  // go-kit: TestJSONLoggerMissingValue
  it("prints (MISSING) for a pair without a value", () => {
    expect(line(keyvals("k"))).toBe('{"k":"(MISSING)"}');
  });

  it("prints a record without fields", () => {
    expect(line({})).toBe("{}");
    expect(line({ a: undefined })).toBe("{}");
  });

  // go-kit: TestJSONLoggerNoHTMLEscape
  it("does not escape HTML", () => {
    expect(line({ k: "<&>" })).toBe('{"k":"<&>"}');
  });

  // go-kit: TestJSONLoggerStringValue
  it("asks a value for its JSON, then for its text", () => {
    class Both extends Celsius {
      toJSON(): string {
        return "json";
      }
    }
    expect(value(new Both(1))).toBe("json");
    expect(value(new Celsius(21))).toBe("21 °C");
    expect(value({ inside: new Celsius(21) })).toEqual({ inside: "21 °C" });
    expect(value(Object.assign(new Error("message"), { toJSON: () => "json" }))).toBe("json");
    expect(value(new URL("http://a/b"))).toBe("http://a/b");
    expect(value(/a+/g)).toBe("/a+/g");
  });

  // go-kit: TestJSONLoggerPanicStringerValue, TestJSONLoggerPanicErrorValue
  it("says what a value threw", () => {
    expect(value({ toString: raise })).toBe("(THREW: oh)");
    expect(value({ toJSON: raise })).toBe("(THREW: oh)");
    expect(value(Object.defineProperty(new Error("m"), "message", { get: raise }))).toBe("(THREW: oh)");
    expect(
      value({
        a: 1,
        get b() {
          return raise();
        },
        c: 3,
      }),
    ).toEqual({ a: 1, b: "(THREW: oh)", c: 3 });
    expect(
      line({
        get a() {
          return raise();
        },
        b: 2,
      }),
    ).toBe('{"a":"(THREW: oh)","b":2}');
    expect(value(new Proxy({}, { ownKeys: raise }))).toBe("(THREW: oh)");
    expect(
      value({
        toJSON() {
          // oxlint-disable-next-line typescript/only-throw-error -- anything can be thrown
          throw null;
        },
      }),
    ).toBe("(THREW: null)");
  });

  it.for<[string, unknown, unknown]>([
    ["a bigint", 2n ** 64n, "18446744073709551616"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["a function", raise, "[Function: raise]"],
    ["NaN", Number.NaN, null],
    ["infinity", -Infinity, null],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["no date", new Date(Number.NaN), null],
    [
      "a map",
      new Map<unknown, unknown>([
        ["a", 1],
        [{}, 2],
      ]),
      { a: 1, "[object Object]": 2 },
    ],
    ["a set", new Set([1, "a", undefined]), [1, "a", null]],
    ["bytes", Buffer.from("hello"), "aGVsbG8="],
    ["bytes in an object", { bytes: new Uint8Array([255, 0]) }, { bytes: "/wA=" }],
    ["an object without a prototype", Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    ["a list with holes", Object.assign([undefined, 1], { 3: 2 }), [null, 1, null, 2]],
    ["an object with what is undefined", { a: undefined, b: null }, { b: null }],
    ["boxed values", [new String("s"), Object(1n)], ["s", "1"]],
    ["lone surrogates", "\ud800a\udfff", "\ud800a\udfff"],
    [
      "toJSON that returns itself",
      {
        a: 1,
        toJSON() {
          return this;
        },
      },
      { a: 1, toJSON: "[Function: toJSON]" },
    ],
    ["toJSON that returns nothing", { toJSON() {} }, null],
  ])("prints %s", ([, of, printed]) => {
    expect(value(of)).toEqual(printed);
  });

  it("prints names that need it escaped", () => {
    expect(line({ 'a"b\n': 1, "\ud800": 2, __proto__x: 3 })).toBe('{"a\\"b\\n":1,"\\ud800":2,"__proto__x":3}');
  });

  it("prints (CIRCULAR) where a value contains itself, and the same value twice where it does not", () => {
    const cycle: Record<string, unknown> = { a: 1 };
    cycle["self"] = { cycle };
    const twice = { n: 1 };
    expect(value(cycle)).toEqual({ a: 1, self: { cycle: "(CIRCULAR)" } });
    expect(value([twice, twice])).toEqual([{ n: 1 }, { n: 1 }]);
    const endless = { toJSON: (): unknown => ({ toJSON: endless.toJSON }) };
    expect(value(endless)).toBe("(TOO DEEP)");
  });

  it("prints 16 objects inside one another", () => {
    let deep: unknown = "bottom";
    for (let i = 0; i < 16; i++) deep = [deep];
    expect(JSON.stringify(value(deep))).toContain("bottom");
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(JSON.stringify(value(deep))).toBe(`${"[".repeat(16)}"(TOO DEEP)"${"]".repeat(16)}`);
  });

  it("cuts what is longer than maxValueLength, and says by how much", () => {
    const at = (of: unknown): unknown => value(of, { maxValueLength: 10 });
    expect(at("0123456789")).toBe("0123456789");
    expect(at("0123456789ab")).toBe("0123456789…(+2)");
    expect(at("012345678😀")).toBe("012345678…(+2)");
    expect(at(Buffer.alloc(7))).toBe("AAAAAAAAAA==");
    expect(at(Buffer.alloc(9))).toBe("AAAAAAAAAA==…(+2)");
    expect(at([1, 2, 3, 4, 5, 6, 7])).toEqual([1, 2, 3, 4, "…(+3)"]);
    expect(at({ a: 1, b: 2, c: 3 })).toEqual({ a: 1, b: 2, "…": "(+1)" });
    expect(
      at(
        new Map([
          ["a", "0123456789"],
          ["b", ""],
        ]),
      ),
    ).toEqual({ a: "01234567…(+2)", "…": "(+1)" });
    expect(at(12345678901234567890n)).toBe("1234567890…(+10)");
  });

  it("prints in bounded time and space what is without bounds", () => {
    let ways: unknown[] = ["bottom"];
    for (let i = 0; i < 60; i++) ways = [ways, ways];
    for (const of of [
      ways,
      Array.from({ length: 1_000_000 }, () => ({ a: [] })),
      Object.assign([], { length: 2 ** 32 - 1 }),
      new Set(Array.from({ length: 100_000 }, (_, n) => `${n}`)),
      "x".repeat(10_000_000),
      Buffer.alloc(10_000_000),
      new Map([["x".repeat(100_000), 1]]),
      {
        *[Symbol.iterator]() {
          for (;;) yield 1;
        },
      },
    ]) {
      expect(line({ of }).length).toBeLessThan(40_000);
    }
  });

  it("prints, for what JSON can say, what JSON.stringify prints", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (fields) => {
        // Not the same as the field of that name: `__proto__` sets the prototype.
        delete fields["__proto__"];
        expect(line(fields, { maxValueLength: 1e9 })).toBe(JSON.stringify(fields));
      }),
    );
  });

  it("prints a line of JSON whatever it is given, within its bounds", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
        }),
        (of) => {
          const text = line({ of }, { maxValueLength: 50 });
          expect(text).not.toContain("\n");
          expect(() => JSON.parse(text)).not.toThrow();
          expect(text.length).toBeLessThan(2000);
        },
      ),
    );
  });

  describe("errors", () => {
    const disk = new Error("disk full");

    it.for<[string, unknown, string]>([
      ["the message", new TypeError("oh"), "oh"],
      [
        "the causes",
        new Error("cannot save", { cause: new Error("cannot write", { cause: disk }) }),
        "cannot save: cannot write: disk full",
      ],
      ["no cause twice", new Error("cannot save: disk full", { cause: disk }), "cannot save: disk full"],
      ["a cause that is no error", new Error("cannot save", { cause: "why not" }), "cannot save: why not"],
      ["no cause that is some object", new Error("cannot save", { cause: { a: 1 } }), "cannot save"],
      ["the cause behind it", new Error("a", { cause: { cause: disk } }), "a: disk full"],
      ["the name without a message", new RangeError(), "RangeError"],
      ["all of several", new AggregateError([disk, "text"]), "disk full; text"],
      ["the message of several", new AggregateError([disk], "both failed"), "both failed"],
    ])("prints %s", ([, of, printed]) => {
      expect(value(of)).toBe(printed);
    });

    it("ends a chain of causes that does not", () => {
      const loop = new Error("loop");
      loop.cause = loop;
      expect(value(loop)).toBe("loop");
      expect(value(loop, { errors: "object" })).toMatchObject({ message: "loop", cause: "(CIRCULAR)" });
      let n = 0;
      const endless = {
        get cause(): unknown {
          return Object.defineProperty(new Error(`e${n++}`), "cause", { get: () => endless.cause });
        },
      };
      expect(value(new Error("start", endless))).toBe("start: e0: e1: e2: e3: e4: e5: e6: e7");
    });

    it("prints name, code, stack and causes when asked for objects, and no other property", () => {
      const error = Object.assign(new TypeError("refused", { cause: disk }), {
        code: "ECONNREFUSED",
        config: { headers: { authorization: "secret" } },
      });
      expect(value(error, { errors: "object" })).toEqual({
        name: "TypeError",
        message: "refused",
        code: "ECONNREFUSED",
        stack: error.stack,
        cause: { name: "Error", message: "disk full", stack: disk.stack },
      });
      expect(value({ inside: new AggregateError([disk, 1]) }, { errors: "object" })).toMatchObject({
        inside: { errors: [{ message: "disk full" }, 1] },
      });
    });

    it("knows an error of another realm", async () => {
      const { runInNewContext } = await import("node:vm");
      expect(value(runInNewContext("new Error('elsewhere')"))).toBe("elsewhere");
      expect(value(runInNewContext("({ a: [1] })"))).toEqual({ a: [1] });
    });
  });

  describe("its writer", () => {
    it("gets a line in one call, as its method", () => {
      const writer = {
        lines: [] as string[],
        write(text: string): void {
          this.lines.push(text);
        },
      };
      bind(jsonLogger(writer), { a: 1 }).log({ b: 2 });
      expect(writer.lines).toEqual(['{"a":1,"b":2}\n']);
    });

    it("may fail, at once or later, and onError hears of it", async () => {
      const error = new Error("disk full");
      const onError = vi.fn<(error: unknown) => void>();
      jsonLogger(
        {
          write: () => {
            throw error;
          },
        },
        { onError },
      ).log({});
      expect(onError).toHaveBeenCalledExactlyOnceWith(error);
      jsonLogger({ write: () => Promise.reject(error) }, { onError }).log({});
      await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(2));
      expect(() =>
        jsonLogger({
          write: () => {
            throw error;
          },
        }).log({}),
      ).not.toThrow();
      expect(() =>
        jsonLogger(
          {
            write: () => {
              throw error;
            },
          },
          { onError: raise },
        ).log({}),
      ).not.toThrow();
    });

    it("may log", () => {
      const lines: string[] = [];
      const logger = jsonLogger({ write: (text) => lines.push(text) });
      logger.log({
        a: {
          toJSON() {
            logger.log({ inside: true });
            return 1;
          },
        },
        b: [2],
      });
      expect(lines).toEqual(['{"inside":true}\n', '{"a":1,"b":[2]}\n']);
    });
  });

  it.for<[string, () => unknown]>([
    ["jsonLogger: writer must have a write method, got undefined", () => jsonLogger(undefined as never)],
    ["jsonLogger: writer must have a write method, got object", () => jsonLogger(nopLogger as never)],
    [
      "jsonLogger: maxValueLength must be a positive integer, got 0",
      () => jsonLogger(process.stdout, { maxValueLength: 0 }),
    ],
    [
      "jsonLogger: maxValueLength must be a positive integer, got Infinity",
      () => jsonLogger(process.stdout, { maxValueLength: Infinity }),
    ],
    [
      'jsonLogger: errors must be "message" or "object", got stack',
      () => jsonLogger(process.stdout, { errors: "stack" as never }),
    ],
  ])("refuses wrong options: %s", ([message, make]) => {
    expect(make).toThrow(new TypeError(message));
  });
});
