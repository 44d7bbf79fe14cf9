import type { Context } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { loggerCases, type LoggerSubject, type LoggerUnderTest, testLogger } from "../src/logger.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A text of anything, made without regard to cost. */
function shown(value: unknown, depth = 0): unknown {
  try {
    if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") return String(value);
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Error)
      return { stack: `${value.message} ${value.stack}`, cause: shown(value.cause, depth + 1) };
    if (depth > 4) return "deep";
    const { toJSON } = value as { toJSON?: () => unknown };
    if (toJSON !== undefined) return shown(toJSON.call(value), depth + 1);
    if (Array.isArray(value)) return value.slice(0, 10).map((each) => shown(each, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shown(each, depth + 1)]));
  } catch {
    return "threw";
  }
}

interface Reference {
  /** What of a field is kept. */
  readonly keep?: (fields: Fields, key: string) => unknown;
  readonly write?: (records: Fields[], record: Fields) => void;
  readonly bind?: LoggerSubject["bind"];
}

function kept(fields: Fields, key: string): unknown {
  try {
    return shown(fields[key]);
  } catch {
    return "threw";
  }
}

function bind(logger: LoggerUnderTest, bound: Fields): LoggerUnderTest {
  return {
    log(fields, ctx) {
      const record: Record<string, unknown> = {};
      for (const [key, value] of Object.entries(bound)) record[key] = evaluate(value, ctx);
      for (const key of Object.keys(fields)) if (fields[key] !== undefined) record[key] = fields[key];
      logger.log(record, ctx);
    },
  };
}

function evaluate(value: unknown, ctx: Context | undefined): unknown {
  try {
    return typeof value === "function" ? (value as (ctx?: Context) => unknown)(ctx) : value;
  } catch {
    return "threw";
  }
}

/** Keeps its records in a list. */
function reference({
  keep = kept,
  write = (records, record) => records.push(record),
  bind: binding = bind,
}: Reference = {}): LoggerSubject {
  const records: Fields[] = [];
  const logger: LoggerUnderTest = {
    log(fields) {
      const record: Record<string, unknown> = {};
      for (const key of Object.keys(fields)) {
        const value = keep(fields, key);
        if (value !== undefined) record[key] = value;
      }
      write(records, record);
    },
  };
  return { logger, bind: binding, records: async () => records };
}

testLogger({
  setup: async ({ failing }) => ({
    subject: reference(failing && { write: () => failing.onError(new Error("disk full")) }),
  }),
  supports: { fieldOrder: true, errorStack: true, errorCause: true, sinkFailure: true },
});

const json = (fields: Fields, key: string): unknown => {
  const value = JSON.stringify(fields[key]);
  return value === undefined ? undefined : (JSON.parse(value) as unknown);
};

const lineByLine: Reference = {
  write(records, record) {
    for (const line of JSON.stringify(record).replaceAll(/\\n/g, "\n").split("\n")) records.push({ line });
  },
};

const alwaysThrowing: Reference = {
  write() {
    throw new Error("disk full");
  },
};

const bindNothing: Reference = { bind: (logger) => logger };
const bindOverOwn: Reference = {
  bind: (logger, bound) => ({ log: (fields, ctx) => bind(logger, { ...fields, ...bound }).log({}, ctx) }),
};
const bindForGood: Reference = {
  bind(logger, bound) {
    const { log } = logger;
    logger.log = (fields, ctx) => log({ ...bound, ...fields }, ctx);
    return logger;
  },
};
const bindEvaluated: Reference = {
  bind: (logger, bound) =>
    bind(logger, Object.fromEntries(Object.entries(bound).map(([key, value]) => [key, evaluate(value, undefined)]))),
};
const bindTrusting: Reference = {
  bind: (logger, bound) => ({
    log(fields, ctx) {
      const values = Object.entries(bound).map(
        ([key, value]) => [key, typeof value === "function" ? value(ctx) : value] as const,
      );
      logger.log({ ...Object.fromEntries(values), ...fields }, ctx);
    },
  }),
};
const without = (test: (value: unknown, key: string) => boolean): Reference => ({
  keep: (fields, key) => (test(fields[key], key) ? undefined : kept(fields, key)),
});
const instead = (test: (value: unknown, key: string) => boolean, value: unknown): Reference => ({
  keep: (fields, key) => (test(fields[key], key) ? value : kept(fields, key)),
});
const trustingGetters: Reference = { keep: (fields, key) => shown(fields[key]) };
const messageOnly: Reference = {
  keep: (fields, key) => {
    const value = fields[key];
    return value instanceof Error ? value.message : kept(fields, key);
  },
};

/** For each case, loggers that must fail it. */
const broken: Record<string, readonly Reference[]> = {
  "delivers a record with its fields": [
    without((_, key) => key === "port"),
    { write: (records, record) => records.push(record, record) },
    alwaysThrowing,
  ],
  "delivers records in the order in which they were logged": [{ write: (records, record) => records.unshift(record) }],
  "keeps the order of a record's fields": [
    { write: (records, record) => records.push(Object.fromEntries(Object.entries(record).toReversed())) },
  ],
  "tells the four levels apart": [
    instead((_, key) => key === "level", "info"),
    { write: (records, record) => record["level"] !== "debug" && records.push(record) },
  ],
  "delivers a record without a level or a message": [
    { write: (records, record) => record["level"] !== undefined && records.push(record) },
  ],
  "delivers a record without fields": [
    { write: (records, record) => Object.keys(record).length > 0 && records.push(record) },
  ],
  "leaves out what is undefined, and prints null": [
    instead((value) => value === undefined, "undefined"),
    without((value) => value === null),
  ],
  "keeps line breaks, quotes and control characters inside of one record": [
    lineByLine,
    { keep: (fields, key) => String(fields[key]).replaceAll("\r", "") },
    { keep: (fields, key) => String(fields[key]).replaceAll("\u0007", "") },
  ],
  "keeps what Unicode has": [
    { keep: (fields, key) => Buffer.from(String(fields[key]), "latin1").toString("latin1") },
    { keep: (fields, key) => String(fields[key]).normalize("NFC") },
  ],
  "prints what is inside of objects and lists": [{ keep: (fields, key) => String(fields[key]) }],
  "reads the fields before it returns, and leaves them as they are": [
    { keep: (fields, key) => fields[key] },
    {
      keep(fields, key) {
        (fields["inner"] as Record<string, unknown>)["n"] = "changed";
        return shown(fields[key]);
      },
    },
  ],
  "adds what is bound to every record, and only there": [bindNothing, bindForGood],
  "lets a record's own field replace a bound one": [bindNothing, bindOverOwn],
  "takes an undefined field for absent where one is bound": [bindTrusting],
  "calls a bound function once for each record, with the record's context": [
    bindEvaluated,
    {
      bind: (logger, bound) => ({
        log: (fields, ctx) => {
          Object.values(bound).forEach((value) => evaluate(value, ctx));
          bind(logger, bound).log(fields, ctx);
        },
      }),
    },
    { bind: (logger, bound) => ({ log: (fields) => bind(logger, bound).log(fields) }) },
  ],
  "survives a bound function that throws": [bindTrusting],
  "does not call a function that is in a record itself": [{ keep: (fields, key) => evaluate(fields[key], undefined) }],
  "survives what contains itself": [{ keep: json }],
  "survives bigints, and keeps their digits": [{ keep: json }, instead((value) => typeof value === "bigint", "big")],
  "survives values that JSON has no word for": [
    { keep: (fields, key) => structuredClone(fields[key]) },
    { keep: (fields, key) => "".concat(fields[key] as string) },
  ],
  "survives getters, methods and proxies that throw": [trustingGetters, { keep: json }],
  "survives values of any size and depth": [{ keep: json }],
  "keeps an error's message, whatever its name in the record": [
    { keep: json },
    instead((_, key) => key === "transport_error", {}),
    instead((_, key) => key === "msg", "no such host"),
  ],
  "keeps the message of an error that is bound": [{ keep: json }],
  "keeps an error's stack": [messageOnly],
  "keeps what an error's cause says": [messageOnly],
  "survives errors that are not as they should be": [
    messageOnly,
    { keep: (fields, key) => (fields[key] as Error).message?.length },
  ],
  "does not mix the records of calls that run at once": [
    bindForGood,
    (() => {
      let last: Context | undefined;
      const late: Reference = {
        bind: (logger, bound) => ({
          log(fields, ctx) {
            last ??= ctx;
            bind(logger, bound).log(fields, last);
          },
        }),
      };
      return late;
    })(),
  ],
  "reports a sink that fails to onError, and does not throw": [alwaysThrowing, {}],
};

const falselyEnabled: LoggerUnderTest = { log: () => {}, enabled: (level) => level !== "debug" };

describe("the logger suite", () => {
  it("has a broken logger for each case", () => {
    expect(new Set([...Object.keys(broken), "says of each level that is kept that it is enabled"])).toEqual(
      new Set(loggerCases.map(({ title }) => title)),
    );
  });

  it.for(Object.entries(broken).flatMap(([title, list]) => list.map((options, index) => ({ title, index, options }))))(
    "refuses broken logger $index: $title",
    async ({ title, options }) => {
      const { run } = loggerCases.find((each) => each.title === title)!;
      await expect(run(reference(options), [])).rejects.toBeInstanceOf(Error);
    },
  );

  it("refuses a logger that says of a level it keeps that it is not enabled", async () => {
    const { run } = loggerCases.find(({ title }) => title.includes("enabled"))!;
    await expect(run({ ...reference(), logger: falselyEnabled }, [])).rejects.toBeInstanceOf(Error);
  });

  it("has a case for each capability", () => {
    expect(
      loggerCases.filter(({ capability }) => capability !== undefined).map(({ capability }) => capability),
    ).toEqual(["fieldOrder", "errorStack", "errorCause", "sinkFailure"]);
  });
});
