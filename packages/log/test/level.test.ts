import { describe, expect, it, vi } from "vitest";
import {
  bind,
  debug,
  error,
  type Fields,
  info,
  jsonLogger,
  type Level,
  levelFilter,
  levelInjector,
  levels,
  type Logger,
  loggerFunc,
  logfmtLogger,
  nopLogger,
  parseLevel,
  redact,
  swapLogger,
  warn,
  type Writer,
} from "../src/index.ts";

function lines(make: (writer: Writer) => Logger = jsonLogger): { readonly logger: Logger; readonly lines: string[] } {
  const written: string[] = [];
  return { logger: make({ write: (line) => written.push(line.trimEnd()) }), lines: written };
}

function recorder(): { readonly logger: Logger; readonly records: Fields[] } {
  const records: Fields[] = [];
  return { logger: loggerFunc((fields) => records.push(fields)), records };
}

const all: readonly Level[] = ["debug", "info", "warn", "error"];

/** Hides what a logger has beside `log`, and what it has beside `log` and `child`. */
const kinds: [string, (logger: Logger) => Logger][] = [
  ["a sink with child and message", (logger) => logger],
  ["a sink with only log", ({ log }) => ({ log: log.bind(lines().logger) })],
];

describe("levelFilter", () => {
  // go-kit: TestVariousLevels
  it.for<[Level | "none", number]>([
    ["debug", 4],
    ["info", 3],
    ["warn", 2],
    ["error", 1],
    ["none", 0],
  ])("allows %s and above", ([allow, count]) => {
    const { logger, lines: written } = lines();
    for (const sink of [logger, loggerFunc((fields) => logger.log(fields))]) {
      written.length = 0;
      const filter = levelFilter(sink, { allow });
      debug(filter).log({ "this is": "debug log" });
      info(filter).log({ "this is": "info log" });
      warn(filter).log({ "this is": "warn log" });
      error(filter).log({ "this is": "error log" });
      const expected = all.map((level) => `{"level":"${level}","this is":"${level} log"}`);
      expect(written).toEqual(expected.slice(4 - count));
    }
  });

  // go-kit: TestErrNotAllowed
  it("hands what it drops to onDisallowed, whole, and nothing else", () => {
    const { logger, records } = recorder();
    const onDisallowed = vi.fn<(fields: Fields) => void>();
    const filter = bind(levelFilter(logger, { allow: "warn", onDisallowed }), { a: 1 });
    info(filter).log({ foo: "bar" });
    levels(filter).debug("hello", { b: 2 });
    warn(filter).log({ foo: "bar" });
    filter.log({ foo: "bar" });
    expect(onDisallowed.mock.calls.map(([fields]) => fields)).toEqual([
      { level: "info", a: 1, foo: "bar" },
      { level: "debug", a: 1, msg: "hello", b: 2 },
    ]);
    expect(records).toEqual([
      { level: "warn", a: 1, foo: "bar" },
      { a: 1, foo: "bar" },
    ]);
  });

  // go-kit: TestErrNoLevel
  it("drops records without a level when told to", () => {
    const { logger, lines: written } = lines();
    const onDisallowed = vi.fn<(fields: Fields) => void>();
    for (const filter of [
      levelFilter(logger, { allow: "debug", squelchNoLevel: true }),
      levelFilter(logger, { allow: "debug", squelchNoLevel: true, onDisallowed }),
    ]) {
      filter.log({ foo: "bar" });
      bind(filter, { level: "fatal" }).log({ foo: "bar" });
    }
    expect(written).toEqual([]);
    expect(onDisallowed.mock.calls).toEqual([
      [{ foo: "bar" }, undefined],
      [{ level: "fatal", foo: "bar" }, undefined],
    ]);
  });

  // go-kit: TestAllowNoLevel
  it("keeps records without a level otherwise", () => {
    const { logger, lines: written } = lines();
    levelFilter(logger, { allow: "none", onDisallowed: () => expect.unreachable() }).log({ foo: "bar" });
    levelFilter(logger, { allow: "none" }).log({ foo: "bar", level: "trace" });
    expect(written).toEqual(['{"foo":"bar"}', '{"foo":"bar","level":"trace"}']);
  });

  it("goes by the level that the record ends up with", () => {
    const { logger, lines: written } = lines();
    const filter = levelFilter(logger, { allow: "warn" });
    debug(filter).log({ level: "error", n: 1 });
    error(filter).log({ level: "debug", n: 2 });
    error(filter).log({ level: undefined, n: 3 });
    levels(filter).debug("m", { level: "warn", n: 4 });
    levels(filter).error("m", { level: "info", n: 5 });
    bind(filter, { level: () => "info" }).log({ n: 6 });
    bind(filter, { level: () => "warn" }).log({ n: 7 });
    info(error(filter)).log({ n: 8 });
    error(info(filter)).log({ n: 9 });
    expect(written.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual([1, 3, 4, 7, 9]);
  });

  it("does not call the valuers of a record that is dropped", () => {
    const valuer = vi.fn<() => number>();
    const filter = levelFilter(lines().logger, { allow: "warn" });
    for (const logger of [filter, redact(filter, ["password"]), swapLogger(filter), levelInjector(filter, "warn")]) {
      levels(bind(logger, { valuer })).info("dropped", { a: 1 });
      debug(bind(logger, { valuer })).log({});
    }
    expect(valuer).not.toHaveBeenCalled();
  });

  it("tells which levels are on, its own and the ones below", () => {
    const on = (logger: Logger): Level[] => all.filter((level) => logger.enabled?.(level) ?? true);
    const warnOnly = levelFilter(lines().logger, { allow: "warn" });
    expect(on(warnOnly)).toEqual(["warn", "error"]);
    expect(on(bind(warnOnly, { a: 1 }))).toEqual(["warn", "error"]);
    expect(on(levelFilter(warnOnly, { allow: "info" }))).toEqual(["warn", "error"]);
    expect(on(levelFilter(warnOnly, { allow: "error" }))).toEqual(["error"]);
    // What is dropped is wanted whole.
    expect(on(levelFilter(warnOnly, { allow: "error", onDisallowed() {} }))).toEqual(all);
    expect(on(levelFilter(nopLogger, { allow: "debug", onDisallowed() {} }))).toEqual([]);
  });

  it("does not throw for a record that does", () => {
    const { logger, lines: written } = lines();
    const broken = {
      get level(): string {
        throw new Error("oh");
      },
    };
    expect(() => levelFilter(logger, { allow: "info" }).log(broken)).not.toThrow();
    expect(() =>
      bind(
        levelFilter(
          loggerFunc((each) => logger.log(each)),
          { allow: "info" },
        ),
        { a: 1 },
      ).log(broken),
    ).not.toThrow();
    expect(() =>
      levelFilter(logger, {
        allow: "none",
        onDisallowed() {
          throw new Error("oh");
        },
      }).log({ level: "info" }),
    ).not.toThrow();
    expect(written).toEqual(['{"level":"(THREW: oh)"}', '{"a":1,"level":"(THREW: oh)"}']);
  });

  it.for(["", "all", "WARN", undefined])("refuses to allow %o", (allow) => {
    expect(() => levelFilter(nopLogger, { allow: allow as never })).toThrow(
      new TypeError(`levelFilter: allow must be debug, info, warn, error or none, got ${allow}`),
    );
  });
});

describe("debug, info, warn and error", () => {
  // go-kit: TestLevelFormatting
  it.for<[(writer: Writer) => Logger, string]>([
    [logfmtLogger, "level=info foo=bar"],
    [jsonLogger, '{"level":"info","foo":"bar"}'],
  ])("put the level first: %s", ([make, line]) => {
    const { logger, lines: written } = lines(make);
    info(logger).log({ foo: "bar" });
    expect(written).toEqual([line]);
  });
});

describe("levels", () => {
  it.for(kinds)("logs a message with fields at each level, to %s", ([, kind]) => {
    const { logger, lines: written } = lines(logfmtLogger);
    const sink = kind(logger) === logger ? logger : loggerFunc((fields) => logger.log(fields));
    const log = levels(bind(sink, { service: "addsvc" }));
    log.debug("a");
    log.info("b c", { n: 1 });
    log.warn("d", {});
    log.error("e", { err: new Error("oh") });
    expect(written).toEqual([
      "level=debug service=addsvc msg=a",
      'level=info service=addsvc msg="b c" n=1',
      "level=warn service=addsvc msg=d",
      "level=error service=addsvc msg=e err=oh",
    ]);
  });

  it("keeps its message whatever else is called msg", () => {
    const { logger, lines: written } = lines(logfmtLogger);
    for (const sink of [logger, loggerFunc((fields) => logger.log(fields))]) {
      levels(bind(sink, { msg: "bound", a: 1 })).info("own", { msg: "field", b: 2 });
    }
    expect(written).toEqual(["level=info msg=own a=1 b=2", "level=info msg=own a=1 b=2"]);
  });
});

describe("levelInjector", () => {
  // go-kit: TestInjector
  it("adds the level to a record without one, at the beginning", () => {
    const { logger, records } = recorder();
    const injector = levelInjector(logger, "info");
    injector.log({ foo: "bar" });
    error(injector).log({ foo: "bar" });
    injector.log({ level: undefined, foo: "bar" });
    expect(records.map((record) => Object.entries(record))).toEqual([
      [
        ["level", "info"],
        ["foo", "bar"],
      ],
      [
        ["level", "error"],
        ["foo", "bar"],
      ],
      [
        ["level", "info"],
        ["foo", "bar"],
      ],
    ]);
  });

  it("refuses what is no level", () => {
    expect(() => levelInjector(nopLogger, "loud" as never)).toThrow(
      new TypeError("levelInjector: level must be debug, info, warn or error, got loud"),
    );
  });
});

describe("parseLevel", () => {
  // go-kit: TestParse, TestParseDefault
  it.for<[string, Level]>([
    ["debug", "debug"],
    ["info", "info"],
    ["warn", "warn"],
    ["error", "error"],
    ["ErRoR", "error"],
    [" Error ", "error"],
  ])("reads %o", ([text, level]) => {
    expect(parseLevel(text)).toBe(level);
    expect(parseLevel(text, "info")).toBe(level);
  });

  it.for(["invalid", "", undefined, "none"])("takes the fallback for %o, and throws without one", (text) => {
    expect(parseLevel(text, "info")).toBe("info");
    expect(() => parseLevel(text)).toThrow(
      new TypeError(`parseLevel: level must be debug, info, warn or error, got ${JSON.stringify(text)}`),
    );
  });
});
