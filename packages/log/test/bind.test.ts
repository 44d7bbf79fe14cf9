import { background, type Context, contextKey } from "@kit/endpoint";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  bind,
  bindPrefix,
  bindSuffix,
  type Fields,
  jsonLogger,
  keyvals,
  levels,
  type Logger,
  loggerFunc,
  logfmtLogger,
} from "../src/index.ts";

/** A logger without anything beside `log`, and the records that reached it. */
function recorder(): { readonly logger: Logger; readonly records: Fields[]; last(): [string, unknown][] } {
  const records: Fields[] = [];
  return { logger: loggerFunc((fields) => records.push(fields)), records, last: () => Object.entries(records.at(-1)!) };
}

/** A logger with a `child` of its own, and its lines. */
function lines(): { readonly logger: Logger; readonly lines: string[] } {
  const written: string[] = [];
  return { logger: logfmtLogger({ write: (line) => written.push(line) }), lines: written };
}

function counter(): () => number {
  let count = 0;
  return () => ++count;
}

describe("bind", () => {
  // go-kit: TestContext
  it("copies what it is given, adds to what is bound, and lets a prefix come first", () => {
    const { logger, lines: written } = lines();
    const fields = { a: 123 };
    let bound = bind(logger, fields);
    fields.a = 0;
    bound = bind(bound, { b: "c" });
    bound.log({ msg: "message" });
    bindPrefix(bound, { p: "first" }).log({ msg: "message" });
    expect(written).toEqual(["a=123 b=c msg=message\n", "p=first a=123 b=c msg=message\n"]);
  });

  // go-kit: TestContextMissingValue
  it("takes pairs with a value missing from keyvals", () => {
    const { logger, last } = recorder();
    bindPrefix(bind(logger, keyvals("k1")), keyvals("k0")).log(keyvals("k2"));
    expect(last()).toEqual([
      ["k0", "(MISSING)"],
      ["k1", "(MISSING)"],
      ["k2", "(MISSING)"],
    ]);
  });

  // go-kit: TestWithPrefixAndSuffix
  it("orders prefixes, bound fields, the record's own and suffixes", () => {
    const { logger, last } = recorder();
    bindSuffix(bindPrefix(logger, { a: "first" }), { z: "last" }).log({ msg: "message" });
    expect(last()).toEqual([
      ["a", "first"],
      ["msg", "message"],
      ["z", "last"],
    ]);
    let bound = bind(logger, { b: "second" });
    bound = bindPrefix(bound, { a: "first" });
    bound = bind(bound, { c: "third" });
    bound = bindSuffix(bound, { z: "last" });
    bound = bindSuffix(bound, { aa: "sequel" });
    bound.log({ msg: "message" });
    expect(last().map(([key]) => key)).toEqual(["a", "b", "c", "msg", "z", "aa"]);
  });

  // go-kit: TestContextStackDepth
  it("makes one logger of many bindings, with as many frames of stack", () => {
    const { logger, last } = recorder();
    const depth = (): number => new Error().stack!.split("\n").findIndex((line) => line.includes("bind.test"));
    let bound = bind(logger, { depth });
    bound.log({});
    const one = last()[0]![1];
    for (let i = 0; i < 10; i++) bound = bind(bind(bound, {}), { [`k${i}`]: i });
    bound.log({});
    expect(last()[0]![1]).toBe(one);
  });

  it("returns the logger itself when there is nothing to bind", () => {
    const { logger } = recorder();
    expect([bind(logger, {}), bindPrefix(logger, {}), bindSuffix(logger, {})]).toEqual([logger, logger, logger]);
    expect(bind(logger, {})).toBe(logger);
  });

  // go-kit: TestWithConcurrent
  it("keeps the records of siblings apart", () => {
    const { logger, records } = recorder();
    const shared = bind(logger, { shared: true });
    const siblings = [bind(shared, { sibling: 0 }), bind(shared, { sibling: 1 })];
    for (let i = 0; i < 4; i++) siblings[i % 2]!.log({ i });
    shared.log({});
    expect(records).toEqual([
      { shared: true, sibling: 0, i: 0 },
      { shared: true, sibling: 1, i: 1 },
      { shared: true, sibling: 0, i: 2 },
      { shared: true, sibling: 1, i: 3 },
      { shared: true },
    ]);
  });

  // go-kit: TestLogCopiesValuers
  it("calls the valuers of prefix and suffix for each record", () => {
    const { logger, last } = recorder();
    const count = counter();
    const bound = bindSuffix(bindPrefix(logger, { a: count }), { z: count });
    bound.log({});
    expect(last()).toEqual([
      ["a", 1],
      ["z", 2],
    ]);
    bound.log({});
    expect(last()).toEqual([
      ["a", 3],
      ["z", 4],
    ]);
  });

  it("hands the record's context to valuers and to the logger below", () => {
    const key = contextKey<string>("test/key");
    const below = vi.fn<Logger["log"]>();
    const ctx = background.with(key, "v");
    bind({ log: below }, { k: (c?: Context) => c?.get(key) }).log({ a: 1 }, ctx);
    expect(below).toHaveBeenCalledExactlyOnceWith({ k: "v", a: 1 }, ctx);
  });

  it("says what a valuer threw", () => {
    const { logger, last } = recorder();
    const raise = (thrown: unknown) => (): never => {
      throw thrown;
    };
    const hostile = {
      get message(): string {
        throw new Error("again");
      },
    };
    bind(logger, { a: raise(new Error("oh")), b: raise("text"), c: raise(undefined), d: raise(hostile) }).log({});
    expect(Object.fromEntries(last())).toEqual({
      a: "(THREW: oh)",
      b: "(THREW: text)",
      c: "(THREW: undefined)",
      d: "(THREW)",
    });
  });

  it("does not call functions in a record itself", () => {
    const { logger, records } = recorder();
    const fn = vi.fn<() => void>();
    bind(logger, { a: 1 }).log({ fn });
    expect(records).toEqual([{ a: 1, fn }]);
    expect(fn).not.toHaveBeenCalled();
  });

  it("lets a later binding replace an earlier one, at the place of whichever comes first", () => {
    const { logger, last } = recorder();
    bind(bind(logger, { a: 1, b: 1 }), { a: 2, c: 2 }).log({});
    expect(last()).toEqual([
      ["a", 2],
      ["b", 1],
      ["c", 2],
    ]);
    bindPrefix(bind(logger, { a: 1, b: 1 }), { b: 2 }).log({});
    expect(last()).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
    bindSuffix(bind(logger, { a: 1 }), { z: 1 }).log({ z: "own" });
    expect(last()).toEqual([
      ["a", 1],
      ["z", "own"],
    ]);
  });

  it("does not throw for records and bindings that do when they are read", () => {
    const { logger, records } = recorder();
    const broken = {
      a: 1,
      get b(): number {
        throw new Error("oh");
      },
    };
    bind(logger, broken).log({ c: 1 });
    bindSuffix(bind(logger, { c: 1 }), { d: 1 }).log(broken);
    expect(records).toEqual([
      { a: 1, b: "(THREW: oh)", c: 1 },
      { c: 1, a: 1, b: "(THREW: oh)", d: 1 },
    ]);
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(() => bind(logger, { a: 1 }).log(proxy)).not.toThrow();
    expect(() => levels(bind(logger, { a: 1 })).info("m", proxy)).not.toThrow();
  });

  it("logs the same through a logger with a child as through one without", () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.constant(undefined),
      fc.constant(null),
      fc.constant(() => "valued"),
    );
    const fields = fc.dictionary(fc.constantFrom("a", "b", "msg", "level", "z"), value, { maxKeys: 5 });
    const own = fc.dictionary(
      fc.constantFrom("a", "b", "msg", "level", "y"),
      fc.oneof(fc.string(), fc.constant(undefined)),
    );
    const how = fc.array(fc.tuple(fc.constantFrom(bind, bindPrefix, bindSuffix), fields), { maxLength: 4 });
    fc.assert(
      fc.property(how, own, fc.option(fc.string(), { nil: undefined }), (bindings, record, msg) => {
        const native: string[] = [];
        const merged: string[] = [];
        const withChild = jsonLogger({ write: (line) => native.push(line) });
        const plain = jsonLogger({ write: (line) => merged.push(line) });
        const log = (logger: Logger): void => {
          const bound = bindings.reduce((each, [binding, more]) => binding(each, more), logger);
          if (msg === undefined) bound.log(record);
          else levels(bound).info(msg, record);
        };
        log(withChild);
        log({ log: (each, ctx) => plain.log(each, ctx) });
        expect(native).toEqual(merged);
        expect(native).toHaveLength(1);
      }),
    );
  });
});
