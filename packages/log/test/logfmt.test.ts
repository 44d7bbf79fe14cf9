import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bind, keyvals, logfmtLogger } from "../src/index.ts";
import { parseLogfmt } from "./logfmt.ts";

function line(fields: Record<string, unknown>, maxValueLength?: number): string {
  const lines: string[] = [];
  logfmtLogger({ write: (each) => lines.push(each) }, maxValueLength === undefined ? {} : { maxValueLength }).log(
    fields,
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]!.endsWith("\n")).toBe(true);
  return lines[0]!.slice(0, -1);
}

describe("logfmtLogger", () => {
  // go-kit: TestLogfmtLogger, which prints "unsupported value type" for std_map
  it("prints names and values, lists and objects as JSON", () => {
    expect(line({ hello: "world" })).toBe("hello=world");
    expect(line({ a: 1, err: new Error("error") })).toBe("a=1 err=error");
    const text = { 0: 0, toString: () => "special_behavior" };
    expect(line({ std_map: { 1: 2 }, my_map: text })).toBe('std_map="{\\"1\\":2}" my_map=special_behavior');
    expect(line({ list: [1, 2, 3], words: ["e1", "e 2"] })).toBe('list=[1,2,3] words="[\\"e1\\",\\"e 2\\"]"');
  });

  // go-kit: Example_basic, Example_contextual
  it("quotes what has a blank", () => {
    expect(line({ taskID: 1, event: "starting task" })).toBe('taskID=1 event="starting task"');
  });

  // go-logfmt: TestEncodeKeyval, TestMarshalKeyvals
  it.for<[string, unknown, string]>([
    ["k", "v", "k=v"],
    ["k", null, "k=null"],
    ["\\", "v", "\\=v"],
    ["k", "", "k="],
    ["k", "null", 'k="null"'],
    ["k", "<nil>", "k=<nil>"],
    ["k", true, "k=true"],
    ["k", 1, "k=1"],
    ["k", 1.025, "k=1.025"],
    ["k", 1e-3, "k=0.001"],
    ["k", "v v", 'k="v v"'],
    ["k", " ", 'k=" "'],
    ["k", '"', 'k="\\""'],
    ["k", "=", 'k="="'],
    ["k", "\\", "k=\\"],
    ["k", "=\\", 'k="=\\\\"'],
    ["k", '\\"', 'k="\\\\\\""'],
    ["k", "\ud800", 'k="\\ufffd"'],
    ["k", "\ufffd\0", 'k="\\ufffd\\u0000"'],
    ["k", "\ufffd", 'k="\\ufffd"'],
    ["k", "\u007f", 'k="\\u007f"'],
    ["k\u007f", "v", "k=v"],
    ["k", "a\nb\rc\td\u001b", 'k="a\\nb\\rc\\td\\u001b"'],
    ["k", "é😀", "k=é😀"],
    ["k", new Date(Date.UTC(2009, 10, 10, 23)), "k=2009-11-10T23:00:00.000Z"],
    ['a b=c"d\n', "v", "abcd=v"],
    ["k\ufffd\ud800é😀", "v", "ké😀=v"],
  ])("prints %o and %o as %s", ([name, value, printed]) => {
    expect(line({ [name]: value })).toBe(printed);
  });

  it.for<[unknown, string]>([
    [12n, "k=12"],
    [Symbol("s"), "k=Symbol(s)"],
    [Number.NaN, "k=NaN"],
    [Infinity, "k=Infinity"],
    [function named() {}, 'k="[Function: named]"'],
    [Buffer.from("hello"), 'k="aGVsbG8="'],
    [new Map([["a", 1]]), 'k="{\\"a\\":1}"'],
    [new Date(Number.NaN), "k=null"],
    [{ toJSON: () => "null" }, 'k="null"'],
    [{ toJSON: () => ["a"] }, 'k="[\\"a\\"]"'],
    [new URL("http://a/b?c"), "k=http://a/b?c"],
    [new Error("cannot save", { cause: new Error("disk full") }), 'k="cannot save: disk full"'],
    [new AggregateError([]), "k=AggregateError"],
    [
      {
        toString() {
          throw new Error("oh");
        },
      },
      'k="(THREW: oh)"',
    ],
  ])("prints %o as %s", ([value, printed]) => {
    expect(line({ k: value })).toBe(printed);
  });

  it("leaves out what is undefined, and prints a record without fields as an empty line", () => {
    expect(line({ a: undefined, b: 1, c: undefined })).toBe("b=1");
    expect(line({})).toBe("");
  });

  it("prints under _ what is under a name that logfmt has no place for", () => {
    expect(line({ "": 1 })).toBe("_=1");
    expect(line({ a: 1, " = ": 2 })).toBe("a=1 _=2");
  });

  it("prints the last value of a name that comes twice", () => {
    const lines: string[] = [];
    bind(logfmtLogger({ write: (each) => lines.push(each) }), { k: 1, a: 1 }).log(keyvals("k", 2, "k"));
    expect(lines).toEqual(["k=(MISSING) a=1\n"]);
  });

  it("cuts what is longer than maxValueLength", () => {
    expect(line({ a: "0123456789ab", b: ["01234567"] }, 10)).toBe('a=0123456789…(+2) b="[\\"01234567\\"]"');
    expect(line({ of: "x".repeat(1_000_000) })).toHaveLength("of=".length + 16_384 + "…(+983616)".length);
  });

  it("prints one line that reads back to what was logged", () => {
    const name = fc
      .string({ minLength: 1, unit: "grapheme" })
      .filter((text) => !/[\0- "=\x7f\ufffd]/.test(text) && text !== "__proto__");
    const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constant("null"));
    fc.assert(
      fc.property(fc.dictionary(name, text), (fields) => {
        const printed = line(fields);
        expect(printed).not.toMatch(/[\n\r]/);
        const readable = Object.entries(fields).map(([key, value]) => [key, value.toWellFormed()]);
        expect(parseLogfmt(printed)).toEqual(Object.fromEntries(readable));
      }),
    );
  });

  it("refuses wrong options", () => {
    expect(() => logfmtLogger({} as never)).toThrow(
      new TypeError("logfmtLogger: writer must have a write method, got object"),
    );
    expect(() => logfmtLogger(process.stdout, { maxValueLength: 1.5 })).toThrow(
      new TypeError("logfmtLogger: maxValueLength must be a positive integer, got 1.5"),
    );
  });
});
