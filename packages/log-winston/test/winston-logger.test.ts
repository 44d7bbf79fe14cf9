import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bind, debug, error, info, levels, levelFilter, redact, secretNames, type Fields } from "@kit/log";
import { config, createLogger, format, type Logger as Winston, type LoggerOptions, transports } from "winston";
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from "vitest";
import Transport from "winston-transport";
import { winstonLogger, type WinstonLoggerOptions } from "../src/index.ts";

/** A transport that hands each line, and how to say that it was taken, to a function. */
class Handing extends Transport {
  readonly #hand: (line: string, done: (error?: Error) => void) => void;

  constructor(hand: (line: string, done: (error?: Error) => void) => void, level?: string) {
    super(level === undefined ? {} : { level });
    this.#hand = hand;
  }

  override log(record: Record<symbol, string>, done: () => void): void {
    this.#hand(record[Symbol.for("message")]!, done);
  }
}

const ordered = format.json({ deterministic: false });

/** A logger over a winston of these settings that prints fields in their order, and its lines. */
function setup(settings: LoggerOptions = {}, options: Omit<WinstonLoggerOptions, "logger"> = {}) {
  const lines: string[] = [];
  const transport = new Handing((line, done) => {
    lines.push(line);
    done();
  });
  const target = createLogger({ format: ordered, transports: transport, ...settings });
  return {
    target,
    lines,
    logger: winstonLogger({ logger: target, ...options }),
    last: () => JSON.parse(lines.at(-1)!) as Fields,
  };
}

describe("winstonLogger", () => {
  it("prints what winston itself prints", () => {
    const { lines, logger, target } = setup({ defaultMeta: { service: "addsvc" } });
    const log = levels(logger);
    log.info("started", { port: 8080 });
    log.warn("slow");
    error(logger).log({ msg: "failed", n: 1 });
    const ours = lines.splice(0);
    target.info("started", { port: 8080 });
    target.warn("slow");
    target.error("failed", { n: 1 });
    expect(ours.map((line) => JSON.parse(line))).toEqual(lines.map((line) => JSON.parse(line)));
  });

  // go-kit: TestLogrusLogger
  it("prints fields beside an empty message", () => {
    const { logger, lines } = setup();
    logger.log({ hello: "world" });
    logger.log({ a: 1, err: undefined });
    logger.log({ my_map: new Map([["0", 0]]) });
    expect(lines).toEqual([
      '{"level":"info","message":"","hello":"world"}',
      '{"level":"info","message":"","a":1}',
      '{"level":"info","message":"","my_map":{"0":0}}',
    ]);
  });

  // go-kit: TestWithLevel
  it("has winston's own and custom levels too, and its default for the others", () => {
    const { logger, lines } = setup({ level: "quiet", levels: { ...config.npm.levels, audit: 2, quiet: 9 } });
    for (const level of ["silly", "http", "audit", "none", 30, undefined]) logger.log({ level, n: 1 });
    bind(logger, { level: "audit" }).log({ n: 1 });
    expect(lines.map((line) => (JSON.parse(line) as Fields)["level"])).toEqual([
      "silly",
      "http",
      "audit",
      "info",
      "info",
      "info",
      "audit",
    ]);
    const verbose = setup({ level: "verbose" }, { level: "verbose" });
    verbose.logger.log({ level: "loud", n: 1 });
    verbose.logger.log({ n: 1 });
    expect(verbose.lines).toEqual(Array.from({ length: 2 }, () => '{"level":"verbose","message":"","n":1}'));
  });

  it("says warning where winston's syslog levels do", () => {
    const { logger, lines } = setup({ levels: config.syslog.levels, level: "warning" });
    const log = levels(logger);
    log.info("off");
    log.warn("on");
    logger.log({ level: "crit", msg: "on" });
    expect(lines).toEqual(['{"level":"warning","message":"on"}', '{"level":"crit","message":"on"}']);
    expect([logger.enabled?.("info"), logger.enabled?.("warn")]).toEqual([false, true]);
  });

  it("makes once what is bound", () => {
    const { logger, lines } = setup();
    const toJSON = vi.fn<() => string>(() => "eu");
    const log = levels(bind(bind(logger, { service: "addsvc" }), { region: { toJSON } }));
    const before = toJSON.mock.calls.length;
    log.info("a");
    log.info("b", { n: 1 });
    info(logger).log({ msg: "c" });
    expect(toJSON).toHaveBeenCalledTimes(before);
    expect(lines).toEqual([
      '{"level":"info","message":"a","service":"addsvc","region":"eu"}',
      '{"level":"info","message":"b","service":"addsvc","region":"eu","n":1}',
      '{"level":"info","message":"c"}',
    ]);
  });

  it("lets a record's own field replace a bound one, and that one winston's default", () => {
    const { logger, last } = setup({ level: "debug", defaultMeta: { service: "default", region: "eu", level: "no" } });
    const bound = bind(logger, { level: "info", service: "bound", msg: "bound", part: () => "bound", kept: 1 });
    bound.log({ part: "own" });
    expect(last()).toEqual({ level: "info", message: "bound", service: "bound", region: "eu", kept: 1, part: "own" });
    bound.log({ level: "debug", msg: "own", service: "own" });
    expect(last()).toMatchObject({ level: "debug", message: "own", service: "own", part: "bound" });
    levels(bound).warn("own", { msg: "field" });
    expect(last()).toEqual({
      level: "warn",
      message: "own",
      service: "bound",
      region: "eu",
      kept: 1,
      part: "bound",
    });
  });

  it("goes by the levels of winston and its transports, whenever they change, and does nothing for one that is off", () => {
    const { logger, lines, target } = setup({ level: "warn" });
    const valuer = vi.fn<() => string>(() => "v");
    const log = levels(bind(logger, { valuer, fixed: 1 }));
    log.info("off");
    debug(logger).log({ n: 1 });
    logger.log({ level: "info" });
    log.info("off", { level: "debug" });
    expect([lines, valuer.mock.calls]).toEqual([[], []]);
    log.info("on", { level: "error" });
    target.level = "info";
    log.info("on");
    expect(lines).toHaveLength(2);
    target.add(new Handing((_line, done) => done(), "silly"));
    for (const level of ["error", "info", "debug", "silly"])
      expect(logger.enabled?.(level as "info")).toBe(target.isLevelEnabled(level));
    target.silent = true;
    expect(logger.enabled?.("error")).toBe(false);
    log.error("off");
    expect(lines).toHaveLength(2);
  });

  it("keeps its level behind a filter", () => {
    const { logger, lines } = setup({ level: "debug" });
    const log = levels(bind(levelFilter(logger, { allow: "warn" }), { a: 1 }));
    log.info("off");
    log.warn("on");
    expect(lines).toEqual(['{"level":"warn","message":"on","a":1}']);
  });

  it("hides what redact hides", () => {
    const { logger, last } = setup();
    levels(redact(logger, secretNames)).info("m", { user: { name: "ada", password: "x" } });
    expect(last()).toMatchObject({ message: "m", user: { name: "ada", password: "(REDACTED)" } });
  });

  it("keeps to winston's formats", () => {
    const { logger, lines } = setup({
      format: format.combine(
        format.label({ label: "shop" }),
        format.splat(),
        format.printf(({ label, level, message, a }) => [label, level, message, JSON.stringify(a)].join(" ")),
      ),
    });
    levels(logger).info("100%s sure", { a: [1], splat: ["x"] });
    expect(lines).toEqual(["shop info 100%s sure [1]"]);
  });

  it("gives a prefix to a field whose name means something to winston", () => {
    const { logger, lines } = setup();
    levels(logger).info("own", { message: "field", exception: true });
    logger.log({ message: "field" });
    expect(lines).toEqual([
      '{"level":"info","message":"own","fields.message":"field","fields.exception":true}',
      '{"level":"info","message":"","fields.message":"field"}',
    ]);
  });

  it("keeps a message that is no text as a field", () => {
    const { logger, lines } = setup();
    logger.log({ msg: { a: 1 } });
    info(logger).log({ msg: 42 });
    expect(lines).toEqual(['{"level":"info","message":"","msg":{"a":1}}', '{"level":"info","message":"","msg":42}']);
  });

  it("prints an error by its known parts, and its causes", () => {
    const { logger, last } = setup();
    const cause = new Error("disk full");
    const failure = Object.assign(new TypeError("cannot save", { cause }), { code: "ENOSPC", config: { token: "x" } });
    const told = { name: "TypeError", message: "cannot save", code: "ENOSPC", stack: failure.stack };
    levels(bind(logger, { last_error: failure })).error("failed", { err: failure });
    expect(last()).toMatchObject({ message: "failed", err: { ...told, cause: { message: "disk full" } } });
    expect(last()["last_error"]).toEqual(last()["err"]);
    expect(last()["err"]).not.toHaveProperty("config");
  });

  it("cuts what is longer than the limit", () => {
    const { logger, lines } = setup({}, { maxValueLength: 4 });
    levels(logger).info("message", { a: "field!" });
    expect(lines).toEqual(['{"level":"info","message":"mess…(+3)","a":"fiel…(+2)"}']);
  });

  it("drops and counts what a transport that stands still has no room for, says so once, and goes on when it moves", async () => {
    const taken: string[] = [];
    const release: (() => void)[] = [];
    let still = true;
    const transport = new Handing((line, done) => {
      taken.push(line);
      if (still) release.push(done);
      else done();
    });
    const onError = vi.fn<(error: unknown) => void>();
    const { logger, target } = setup({ transports: transport }, { maxWaiting: 100, onError });
    const log = levels(bind(logger, { a: 1 }));
    for (let n = 0; n < 100_000; n++) log.info("flood", { n });
    expect(taken).toHaveLength(1);
    expect(target.writableLength).toBe(100);
    // What winston's three streams hold besides.
    const kept = 100_000 - logger.dropped;
    expect(kept).toBeGreaterThanOrEqual(100);
    expect(kept).toBeLessThan(200);
    expect(onError.mock.calls).toMatchObject([[{ code: "resource_exhausted" }]]);
    still = false;
    release.forEach((done) => done());
    await vi.waitFor(() => expect(taken).toHaveLength(kept));
    expect(taken.map((line) => (JSON.parse(line) as Fields)["n"])).toEqual(Array.from({ length: kept }, (_, n) => n));
    log.info("after");
    await vi.waitFor(() => expect(taken).toHaveLength(kept + 1));
    expect([logger.dropped, onError.mock.calls.length]).toEqual([100_000 - kept, 1]);
  });

  it("loses no line of what a file takes", async () => {
    const directory = mkdtempSync(join(tmpdir(), "kit-log-winston-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = new transports.File({ dirname: directory, filename: "log" });
    const { logger, target } = setup({ transports: file });
    for (let n = 0; n < 5_000; n++) logger.log({ n });
    target.end();
    await once(file, "finish");
    const lines = readFileSync(join(directory, "log"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as Fields)["n"])).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
    expect(logger.dropped).toBe(0);
  });

  it("reports what a format throws and a transport emits, and goes on", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const lines: string[] = [];
    let broken = true;
    const transport = new Handing((line, done) => {
      lines.push(line);
      done(broken ? new Error("disk full") : undefined);
    });
    const raising = format((record) => {
      if (record["raise"]) throw new Error("oh");
      return record;
    });
    const { logger } = setup({ transports: transport, format: format.combine(raising(), ordered) }, { onError });
    logger.log({ raise: true });
    expect(onError.mock.calls).toEqual([[new Error("oh")]]);
    logger.log({ n: 1 });
    await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(2));
    expect(onError.mock.calls[1]).toEqual([new Error("disk full")]);
    broken = false;
    logger.log({ n: 2 });
    expect(lines).toHaveLength(2);
  });

  it("ends no process when a transport fails and nobody listens", async () => {
    const transport = new Handing((_line, done) => done(new Error("disk full")));
    const { logger, target } = setup({ transports: transport });
    const failed = once(transport, "error");
    expect(() => logger.log({ n: 1 })).not.toThrow();
    await failed;
    expect(target.listenerCount("error")).toBe(1);
  });

  it("reports what is logged after winston's end", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const { logger, target } = setup({}, { onError });
    target.end();
    logger.log({ n: 1 });
    await vi.waitFor(() => expect(onError.mock.calls).toMatchObject([[{ code: "ERR_STREAM_WRITE_AFTER_END" }]]));
  });

  it("logs through the child that it is given", () => {
    const { target, last } = setup({ defaultMeta: { service: "addsvc" } });
    const child = target.child({ tenant: "t1" }).child({ part: "p1" });
    const logger = winstonLogger({ logger: child });
    levels(logger).warn("m");
    expect(last()).toEqual({ level: "warn", message: "m", service: "addsvc", tenant: "t1", part: "p1" });
    logger.log({ tenant: "own" });
    expect(last()).toMatchObject({ tenant: "own" });
  });

  it("takes any winston", () => {
    expectTypeOf<Winston>().toExtend<WinstonLoggerOptions["logger"]>();
    expectTypeOf<ReturnType<Winston["child"]>>().toExtend<WinstonLoggerOptions["logger"]>();
    expectTypeOf<Console>().not.toExtend<WinstonLoggerOptions["logger"]>();
  });

  it.for<[string, unknown]>([
    ["winstonLogger: logger must be a winston logger", {}],
    ["winstonLogger: logger must be a winston logger", { logger: console }],
    ["winstonLogger: level must be one of the logger's levels, got loud", { logger: createLogger(), level: "loud" }],
    ["winstonLogger: maxWaiting must be a positive integer, got 0", { logger: createLogger(), maxWaiting: 0 }],
    [
      "winstonLogger: maxValueLength must be a positive integer, got 1.5",
      { logger: createLogger(), maxValueLength: 1.5 },
    ],
  ])("refuses wrong options: %s", ([message, options]) => {
    expect(() => winstonLogger(options as WinstonLoggerOptions)).toThrow(new TypeError(message));
  });
});
