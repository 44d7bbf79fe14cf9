import { bind, debug, error, info, levels, levelFilter, type Fields } from "@kit/log";
import { type Logger as Pino, type LoggerOptions, pino, stdSerializers } from "pino";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { syslogLogger, type SyslogLoggerOptions } from "../src/index.ts";

/** A logger over a pino of these settings that prints neither time nor host, and its lines. */
function setup(settings: LoggerOptions = {}, options: Omit<SyslogLoggerOptions, "logger"> = {}) {
  const lines: string[] = [];
  const target = pino({ base: null, timestamp: false, ...settings }, { write: (line) => lines.push(line.trimEnd()) });
  return {
    target,
    lines,
    logger: syslogLogger({ logger: target, ...options }),
    last: () => JSON.parse(lines.at(-1)!) as Fields,
  };
}

/** The names that stand more than once in a line of flat JSON. */
function twice(line: string): string[] {
  const names = [...line.matchAll(/"(\w+)":/g)].map(([, name]) => name!);
  return names.filter((name, index) => names.indexOf(name) !== index);
}

describe("syslogLogger", () => {
  it("prints what pino itself prints", () => {
    const { lines, logger, target } = setup();
    const log = levels(bind(logger, { service: "addsvc" }));
    log.info("started", { port: 8080 });
    log.warn("slow");
    error(logger).log({ msg: "failed", n: 1 });
    logger.log({ level: "error", n: 1, msg: "failed" });
    const child = target.child({ service: "addsvc" });
    const ours = lines.splice(0);
    child.info({ port: 8080 }, "started");
    child.warn("slow");
    target.error({ msg: "failed", n: 1 });
    target.error({ n: 1 }, "failed");
    expect(ours).toEqual(lines);
  });

  // go-kit: TestZapSugarLogger, TestWithLevel
  it("has pino's own and custom levels too, and its default for the others", () => {
    const { logger, lines } = setup({ level: "trace", customLevels: { audit: 35 } });
    for (const level of ["trace", "fatal", "audit", "none", 30, undefined]) logger.log({ level, n: 1 });
    bind(logger, { level: "audit" }).log({ n: 1 });
    expect(lines.map((line) => (JSON.parse(line) as Fields)["level"])).toEqual([10, 60, 35, 30, 30, 30, 35]);
    const quiet = setup({ level: "trace" }, { level: "debug" });
    quiet.logger.log({ level: "verbose", n: 1 });
    quiet.logger.log({ n: 1 });
    expect(quiet.lines).toEqual(['{"level":20,"n":1}', '{"level":20,"n":1}']);
  });

  it("has all four levels where pino has custom levels only", () => {
    const { logger, lines } = setup(
      { level: "low", customLevels: { low: 1, high: 2 }, useOnlyCustomLevels: true },
      { level: "high" },
    );
    levels(logger).debug("a");
    logger.log({ level: "low", msg: "b" });
    expect(lines).toEqual(['{"level":2,"msg":"a"}', '{"level":1,"msg":"b"}']);
    expect(logger.enabled?.("error")).toBe(true);
  });

  it("serialises once what is bound", () => {
    const { logger, lines } = setup();
    const toJSON = vi.fn<() => string>(() => "eu");
    const log = levels(bind(bind(logger, { service: "addsvc" }), { region: { toJSON } }));
    const before = toJSON.mock.calls.length;
    log.info("a");
    log.info("b", { n: 1 });
    info(logger).log({ msg: "c" });
    expect(toJSON).toHaveBeenCalledTimes(before);
    expect(lines).toEqual([
      '{"level":30,"service":"addsvc","region":"eu","msg":"a"}',
      '{"level":30,"service":"addsvc","region":"eu","n":1,"msg":"b"}',
      '{"level":30,"msg":"c"}',
    ]);
  });

  it("prints no name twice", () => {
    const { logger, lines } = setup({ level: "debug" });
    const bound = bind(logger, { level: "info", service: "bound", msg: "bound", part: () => "bound", kept: 1 });
    bound.log({ service: "own", part: "own" });
    bound.log({ level: "debug", msg: "own", service: undefined });
    levels(bound).warn("own", { service: "own", msg: "field", kept: 2 });
    levels(bound).warn("own");
    expect(lines).toEqual([
      '{"level":30,"service":"own","kept":1,"part":"own","msg":"bound"}',
      '{"level":20,"service":"bound","kept":1,"part":"bound","msg":"own"}',
      '{"level":40,"service":"own","kept":2,"part":"bound","msg":"own"}',
      '{"level":40,"service":"bound","kept":1,"part":"bound","msg":"own"}',
    ]);
    expect(lines.flatMap(twice)).toEqual([]);
  });

  it("goes by pino's level, whenever that changes, and does nothing for one that is off", () => {
    const { logger, lines, target } = setup({ level: "warn" });
    const valuer = vi.fn<() => string>(() => "v");
    const log = levels(bind(logger, { valuer, fixed: 1 }));
    log.info("off");
    debug(logger).log({ n: 1 });
    logger.log({ level: "info" });
    log.info("off", { level: "debug" });
    expect([lines, valuer.mock.calls]).toEqual([[], []]);
    expect([logger.enabled?.("info"), logger.enabled?.("warn")]).toEqual([false, true]);
    log.info("on", { level: "error" });
    target.level = "info";
    log.info("on");
    expect(lines).toHaveLength(2);
    expect(logger.enabled?.("info")).toBe(true);
  });

  it("keeps its level behind a filter", () => {
    const { logger, lines } = setup({ level: "debug" });
    const log = levels(bind(levelFilter(logger, { allow: "warn" }), { a: 1 }));
    log.info("off");
    log.warn("on");
    expect(lines).toEqual(['{"level":40,"a":1,"msg":"on"}']);
  });

  it.for<[string, LoggerOptions, string]>([
    ["messageKey", { messageKey: "message" }, '{"level":30,"a":1,"message":"m"}'],
    ["msgPrefix", { msgPrefix: "> " }, '{"level":30,"a":1,"msg":"> m"}'],
    ["nestedKey", { nestedKey: "fields" }, '{"level":30,"fields":{"a":1},"msg":"m"}'],
    [
      "formatters.log",
      { formatters: { log: (fields) => ({ names: Object.keys(fields) }) } },
      '{"level":30,"names":["a"],"msg":"m"}',
    ],
    [
      "hooks.logMethod",
      {
        hooks: {
          logMethod([fields, msg], method) {
            method.call(this, { ...(fields as object), b: 2 }, `${msg}!`);
          },
        },
      },
      '{"level":30,"a":1,"b":2,"msg":"m!"}',
    ],
    ["mixin", { mixin: () => ({ mixed: true }) }, '{"level":30,"mixed":true,"a":1,"msg":"m"}'],
    ["redact", { redact: ["a"] }, '{"level":30,"a":"[Redacted]","msg":"m"}'],
    [
      "serializers",
      { serializers: { a: () => "s", msg: (msg: string) => `${msg}.` } },
      '{"level":30,"a":"s","msg":"m."}',
    ],
  ])("keeps to pino's %s", ([, settings, line]) => {
    const { logger, lines } = setup(settings);
    levels(logger).info("m", { a: 1 });
    info(logger).log({ a: 1, msg: "m" });
    logger.log({ level: "info", msg: "m", a: 1 });
    expect(lines).toEqual([line, line, line]);
  });

  it("leaves to pino an error under err or another name that has a serializer, and prints others by their known parts", () => {
    const cause = new Error("disk full");
    const failure = Object.assign(new TypeError("cannot save", { cause }), {
      code: "ENOSPC",
      config: { authorization: "secret" },
    });
    const { logger, last } = setup({ serializers: { failure: stdSerializers.err } });
    levels(logger).error("failed", { err: failure, failure, transport_error: failure });
    const { err, failure: other, transport_error } = last();
    expect(err).toMatchObject({ type: "TypeError", message: "cannot save: disk full", code: "ENOSPC" });
    expect(other).toEqual(err);
    expect(transport_error).toMatchObject({
      name: "TypeError",
      message: "cannot save",
      code: "ENOSPC",
      stack: failure.stack,
    });
    expect(transport_error).not.toHaveProperty("config");
    bind(logger, { last_error: failure, err: failure }).log({ msg: "bound" });
    expect(last()).toMatchObject({ err, last_error: { name: "TypeError" } });
    // As pino does for an error without a message.
    logger.log({ level: "error", err: failure });
    expect(last()).toMatchObject({ err, msg: "cannot save" });
    const renamed = setup({ errorKey: "error" });
    renamed.logger.log({ error: failure, err: failure });
    expect(renamed.last()).toMatchObject({ error: { type: "TypeError" }, err: { type: "TypeError" } });
  });

  it("keeps a message that is no text as a field", () => {
    const { logger, lines } = setup();
    logger.log({ level: "info", msg: { a: 1 } });
    info(logger).log({ msg: 42 });
    expect(lines).toEqual(['{"level":30,"msg":{"a":1}}', '{"level":30,"msg":42}']);
  });

  it("reports what a stream or a serializer throws, once", () => {
    const raise = (): never => {
      throw new Error("oh");
    };
    const onError = vi.fn<(error: unknown) => void>();
    const broken = syslogLogger({ logger: pino({ serializers: { a: raise } }, { write: raise }), onError });
    broken.log({ a: 1 });
    levels(broken).info("m");
    expect(onError).toHaveBeenCalledTimes(2);
    const bound = bind(broken, { a: 1 });
    expect(onError).toHaveBeenCalledTimes(3);
    bound.log({});
    expect(onError.mock.calls).toEqual(Array.from({ length: 4 }, () => [new Error("oh")]));
    expect(() => levels(syslogLogger({ logger: pino({}, { write: raise }) })).info("m")).not.toThrow();
  });

  it("logs through the child that it is given", () => {
    const { target, lines } = setup();
    levels(syslogLogger({ logger: target.child({ tenant: "t1" }, { level: "warn" }) })).warn("m");
    expect(lines).toEqual(['{"level":40,"tenant":"t1","msg":"m"}']);
  });

  it("takes any pino", () => {
    expectTypeOf<Pino>().toExtend<SyslogLoggerOptions["logger"]>();
    expectTypeOf<Pino<"audit", true>>().toExtend<SyslogLoggerOptions["logger"]>();
    expectTypeOf<Console>().not.toExtend<SyslogLoggerOptions["logger"]>();
  });

  it.for<[string, unknown]>([
    ["syslogLogger: logger must be a pino instance", {}],
    ["syslogLogger: logger must be a pino instance", { logger: console }],
    [
      "syslogLogger: level must be one of the logger's levels, got loud",
      { logger: pino({ enabled: false }), level: "loud" },
    ],
    [
      "syslogLogger: level must be one of the logger's levels, got info",
      { logger: pino({ level: "low", customLevels: { low: 1 }, useOnlyCustomLevels: true }) },
    ],
  ])("refuses wrong options: %s", ([message, options]) => {
    expect(() => syslogLogger(options as SyslogLoggerOptions)).toThrow(new TypeError(message));
  });
});
