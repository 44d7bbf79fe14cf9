import { background, type Context } from "@kit/endpoint";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import * as log from "../src/index.ts";
import {
  type Fields,
  jsonLogger,
  keyvals,
  type Logger,
  loggerFunc,
  logfmtLogger,
  nopLogger,
  swapLogger,
} from "../src/index.ts";

describe("keyvals", () => {
  it("makes fields of pairs, in their order", () => {
    expect(Object.entries(keyvals("b", 1, "a", [2]))).toEqual([
      ["b", 1],
      ["a", [2]],
    ]);
    expect(keyvals()).toEqual({});
  });

  it("says (MISSING) for a name without a value", () => {
    expect(keyvals("k")).toEqual({ k: "(MISSING)" });
    expect(keyvals("a", 1, "k")).toEqual({ a: 1, k: "(MISSING)" });
    expect(keyvals("k", undefined)).toEqual({ k: undefined });
  });

  it("keeps the last value of a name that comes twice", () => {
    expect(keyvals("k", 1, "k", 2)).toEqual({ k: 2 });
  });

  it("makes a text of a name that is none", () => {
    const broken = {
      toString() {
        throw new Error("oh");
      },
    };
    expect(keyvals(1, "a", null, "b", Symbol("s"), "c", broken, "d")).toEqual({
      "1": "a",
      null: "b",
      "Symbol(s)": "c",
      "(THREW: oh)": "d",
    });
  });
});

describe("loggerFunc", () => {
  it("calls the function with the fields and the context", () => {
    const fn = vi.fn<(fields: Fields, ctx?: Context) => void>();
    const fields = { a: 1 };
    loggerFunc(fn).log(fields, background);
    expect(fn).toHaveBeenCalledExactlyOnceWith(fields, background);
  });

  it("does not throw what the function throws, but reports it", () => {
    const error = new Error("full");
    const onError = vi.fn<(error: unknown) => void>(() => {
      throw new Error("worse");
    });
    const failing = (): never => {
      throw error;
    };
    expect(() => loggerFunc(failing).log({})).not.toThrow();
    expect(() => loggerFunc(failing, { onError }).log({})).not.toThrow();
    expect(onError).toHaveBeenCalledExactlyOnceWith(error);
  });
});

describe("nopLogger", () => {
  it("takes everything and keeps nothing", () => {
    expect(nopLogger.log({ k: "v" })).toBeUndefined();
    expect(nopLogger.enabled?.("error")).toBe(false);
    expect(() => log.bind(nopLogger, { k: "v" }).log({ k: "v" })).not.toThrow();
  });
});

describe("swapLogger", () => {
  // go-kit: TestSwapLogger
  it("discards until it has a logger, writes to the last one it was given, and discards without one", () => {
    const lines: string[] = [];
    const writer = { write: (line: string) => lines.push(line) };
    const logger = swapLogger();
    const logged = (): string[] => {
      logger.log({ k: "v" });
      return lines.splice(0);
    };
    expect(logged()).toEqual([]);
    logger.swap(jsonLogger(writer));
    expect(logged()).toEqual(['{"k":"v"}\n']);
    logger.swap(logfmtLogger(writer));
    expect(logged()).toEqual(["k=v\n"]);
    logger.swap();
    expect(logged()).toEqual([]);
  });

  it("moves what was bound and leveled before along", () => {
    const lines: string[] = [];
    const logger = swapLogger();
    const bound = log.levels(log.bind(logger, { a: 1 }));
    logger.swap(logfmtLogger({ write: (line) => lines.push(line) }));
    bound.info("hello");
    expect(lines).toEqual(["level=info a=1 msg=hello\n"]);
  });

  it("has the levels of the logger it stands for", () => {
    const logger = swapLogger();
    expect(logger.enabled?.("error")).toBe(false);
    logger.swap(loggerFunc(() => {}));
    expect(logger.enabled?.("debug")).toBe(true);
    logger.swap(
      log.levelFilter(
        loggerFunc(() => {}),
        { allow: "warn" },
      ),
    );
    expect([logger.enabled?.("info"), logger.enabled?.("warn")]).toEqual([false, true]);
  });
});

describe("the package", () => {
  it("exports this and no more", () => {
    expect(Object.keys(log).toSorted()).toEqual([
      "bind",
      "bindPrefix",
      "bindSuffix",
      "caller",
      "debug",
      "error",
      "errorFields",
      "fromCallInfo",
      "fromContext",
      "info",
      "isError",
      "jsonLogger",
      "keyvals",
      "levelFilter",
      "levelInjector",
      "levels",
      "lineWriter",
      "logfmtLogger",
      "logged",
      "loggerFunc",
      "merge",
      "nopLogger",
      "parseLevel",
      "plain",
      "read",
      "redact",
      "report",
      "secretNames",
      "swapLogger",
      "timestamp",
      "timestampFormat",
      "warn",
    ]);
  });

  it("takes any object with a log method for a logger", () => {
    expectTypeOf<{ log(fields: Fields): void }>().toExtend<Logger>();
    expectTypeOf(nopLogger.log).returns.toEqualTypeOf<void>();
    expectTypeOf(log.levels(nopLogger).info).toBeCallableWith("listening", { port: 8080 }, background);
  });
});
