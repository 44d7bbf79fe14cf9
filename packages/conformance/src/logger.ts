import { background, type Context, contextKey } from "@kit/endpoint";
import { expect } from "vitest";
import { onSubject, runCases } from "./suite.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What the suite needs of a `Logger` of `@kit/log`. */
export interface LoggerUnderTest {
  log(fields: Fields, ctx?: Context): void;
  enabled?(level: "debug" | "info" | "warn" | "error"): boolean;
}

/** A logger that keeps every level, and the way to read back what came out of it. */
export interface LoggerSubject {
  readonly logger: LoggerUnderTest;
  /** `bind` of `@kit/log`. */
  readonly bind: (logger: LoggerUnderTest, fields: Fields) => LoggerUnderTest;
  /**
   * Every record since the setup, the oldest first, as a reader of the sink gets them: the level under `level`, by the name that `@kit/log` has
   * for it, the message under `msg`. The sink may add fields of its own; where it knows but texts, values are texts.
   */
  readonly records: () => Promise<readonly Fields[]>;
}

/**
 * What a sink may lack:
 * - `fieldOrder`: a record's fields are read in the order in which they were logged;
 * - `errorStack`: the record of an error has its stack; `errorCause`: and its cause's message;
 * - `sinkFailure`: the sink can be made to fail in the middle of `log`.
 */
export type LoggerCapability = "fieldOrder" | "errorStack" | "errorCause" | "sinkFailure";

export interface LoggerSetup {
  /** Set for the case of a sink that fails: make one whose every write throws, and give the adapter this as its `onError`. */
  readonly failing?: { readonly onError: (error: unknown) => void };
}

export interface LoggerSuiteOptions {
  /** Makes the subject of one case. */
  readonly setup: (
    options: LoggerSetup,
  ) => Promise<{ readonly subject: LoggerSubject; readonly teardown?: () => Promise<void> }>;
  /** `true`, or why not: the case is then skipped with that message. */
  readonly supports: Readonly<Record<LoggerCapability, true | string>>;
}

export interface LoggerCase {
  readonly title: string;
  readonly capability?: LoggerCapability;
  /** The case wants a sink that fails, and is told how often `onError` was called. */
  readonly failing?: true;
  readonly run: (subject: LoggerSubject, errors: readonly unknown[]) => Promise<void>;
}

/** What every adapter to a logging library must do. */
export function testLogger(options: LoggerSuiteOptions): void {
  const { setup, supports } = options;
  runCases("a logger", loggerCases, supports, async ({ failing, run }) => {
    const errors: unknown[] = [];
    const sink = failing ? { failing: { onError: (error: unknown) => errors.push(error) } } : {};
    await onSubject(await setup(sink), (subject) => run(subject, errors));
  });
}

const requestId = contextKey<string>("@kit/conformance/requestId");

/** The only record. */
async function only({ records }: LoggerSubject): Promise<Fields> {
  const all = await records();
  expect(all).toHaveLength(1);
  return all[0]!;
}

/** A value as a text, for sinks that know but texts. */
function text(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
}

function texts(fields: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, text(value)]));
}

/** Logs one record with the hostile value beside a plain one: nothing is thrown, and the plain one arrives. */
async function survives(subject: LoggerSubject, fields: Fields): Promise<Fields> {
  const hostile = Object.defineProperties({ before: "a" }, Object.getOwnPropertyDescriptors(fields));
  Object.defineProperty(hostile, "after", { value: "b", enumerable: true });
  expect(() => subject.logger.log(hostile)).not.toThrow();
  const record = await only(subject);
  expect(record).toMatchObject({ before: "a", after: "b" });
  return record;
}

function raise(): never {
  throw new Error("raised");
}

/** The suite's cases, as `testLogger` runs them. */
export const loggerCases: readonly LoggerCase[] = [
  {
    title: "delivers a record with its fields",
    async run(subject) {
      expect(
        subject.logger.log({ msg: "started", port: 8080, tls: false, ratio: 0.5, name: "addsvc" }),
      ).toBeUndefined();
      const record = await only(subject);
      expect(record["msg"]).toBe("started");
      expect(texts(record)).toMatchObject({ port: "8080", tls: "false", ratio: "0.5", name: "addsvc" });
    },
  },
  {
    title: "delivers records in the order in which they were logged",
    async run({ logger, records }) {
      for (let n = 0; n < 100; n++) logger.log({ n });
      expect((await records()).map((record) => text(record["n"]))).toEqual(
        Array.from({ length: 100 }, (_, n) => `${n}`),
      );
    },
  },
  {
    title: "keeps the order of a record's fields",
    capability: "fieldOrder",
    async run(subject) {
      subject.logger.log({ z: 1, a: 2, m: 3, b: 4 });
      expect(Object.keys(await only(subject)).filter((key) => "zamb".includes(key))).toEqual(["z", "a", "m", "b"]);
    },
  },
  {
    title: "tells the four levels apart",
    async run({ logger, records }) {
      const levels = ["debug", "info", "warn", "error"];
      for (const level of levels) logger.log({ level, msg: `at ${level}` });
      expect((await records()).map(({ level, msg }) => ({ level, msg }))).toEqual(
        levels.map((level) => ({ level, msg: `at ${level}` })),
      );
    },
  },
  {
    title: "says of each level that is kept that it is enabled",
    async run({ logger }) {
      for (const level of ["debug", "info", "warn", "error"] as const)
        expect(logger.enabled?.(level) ?? true).toBe(true);
    },
  },
  {
    title: "delivers a record without a level or a message",
    async run(subject) {
      subject.logger.log({ answer: "42" });
      expect((await only(subject))["answer"]).toBe("42");
    },
  },
  {
    title: "delivers a record without fields",
    async run({ logger, records }) {
      logger.log({});
      logger.log({ msg: "after" });
      const all = await records();
      expect(all).toHaveLength(2);
      expect(all[1]!["msg"]).toBe("after");
    },
  },
  {
    title: "leaves out what is undefined, and prints null",
    async run(subject) {
      const record = await survives(subject, { absent: undefined, empty: null });
      expect(record).not.toHaveProperty("absent");
      expect(text(record["empty"])).toBe("null");
    },
  },
  {
    title: "keeps line breaks, quotes and control characters inside of one record",
    async run(subject) {
      const msg = 'first\nlevel=error msg="forged"\r\n{"level":"error"}\ttab \\ "quoted" = \u0007';
      subject.logger.log({ msg, note: msg });
      expect(await only(subject)).toMatchObject({ msg, note: msg });
    },
  },
  {
    title: "keeps what Unicode has",
    async run(subject) {
      const msg = "Grüße, 世界, עולם, e\u0301, 👩‍🚀, \u2028, \u00a0";
      subject.logger.log({ msg, naïve: msg });
      expect(await only(subject)).toMatchObject({ msg, naïve: msg });
    },
  },
  {
    title: "prints what is inside of objects and lists",
    async run(subject) {
      subject.logger.log({ user: { name: "ada", roles: ["admin", "ops"] }, at: new Date(0) });
      const record = await only(subject);
      for (const part of ["ada", "admin", "ops"]) expect(text(record["user"])).toContain(part);
      expect(record["at"]).toBe("1970-01-01T00:00:00.000Z");
    },
  },
  {
    title: "reads the fields before it returns, and leaves them as they are",
    async run(subject) {
      const fields = { level: "info", msg: "kept", n: 1, inner: { n: "one" } };
      const copy = structuredClone(fields);
      Object.freeze(fields);
      subject.logger.log(fields);
      expect(fields).toEqual(copy);
      fields.inner.n = "two";
      expect(text((await only(subject))["inner"])).toContain("one");
    },
  },
  {
    title: "adds what is bound to every record, and only there",
    async run({ logger, bind, records }) {
      const one = bind(bind(logger, { service: "addsvc" }), { part: "one" });
      const two = bind(bind(logger, { service: "addsvc" }), { part: "two" });
      one.log({ msg: "a" });
      two.log({ msg: "b" });
      one.log({ msg: "c", own: "yes" });
      logger.log({ msg: "d" });
      const all = await records();
      expect(all.slice(0, 3)).toMatchObject([
        { msg: "a", service: "addsvc", part: "one" },
        { msg: "b", service: "addsvc", part: "two" },
        { msg: "c", service: "addsvc", part: "one", own: "yes" },
      ]);
      expect(all[0]).not.toHaveProperty("own");
      expect(all[3]).not.toHaveProperty("service");
    },
  },
  {
    title: "lets a record's own field replace a bound one",
    async run({ logger, bind, records }) {
      const bound = bind(logger, { level: "info", part: "bound", other: "kept" });
      bound.log({ level: "error", msg: "a", part: "own" });
      bound.log({ msg: "b" });
      expect(await records()).toMatchObject([
        { level: "error", msg: "a", part: "own", other: "kept" },
        { level: "info", msg: "b", part: "bound", other: "kept" },
      ]);
    },
  },
  {
    title: "takes an undefined field for absent where one is bound",
    async run(subject) {
      subject
        .bind(subject.logger, { level: "warn", part: "bound" })
        .log({ level: undefined, msg: "a", part: undefined });
      expect(await only(subject)).toMatchObject({ level: "warn", part: "bound" });
    },
  },
  {
    title: "calls a bound function once for each record, with the record's context",
    async run({ logger, bind, records }) {
      let calls = 0;
      const bound = bind(logger, { n: () => `${++calls}`, request: (ctx?: Context) => ctx?.get(requestId) });
      bound.log({ msg: "a" }, background.with(requestId, "r1"));
      bound.log({ msg: "b" }, background.with(requestId, "r2"));
      bound.log({ msg: "c" });
      const all = await records();
      expect(calls).toBe(3);
      expect(all.map((record) => [text(record["n"]), record["request"]])).toEqual([
        ["1", "r1"],
        ["2", "r2"],
        ["3", undefined],
      ]);
    },
  },
  {
    title: "survives a bound function that throws",
    async run({ logger, bind, records }) {
      const bound = bind(logger, { broken: raise });
      expect(() => bound.log({ msg: "kept" })).not.toThrow();
      expect(await records()).toMatchObject([{ msg: "kept" }]);
    },
  },
  {
    title: "does not call a function that is in a record itself",
    async run(subject) {
      let calls = 0;
      await survives(subject, { callback: () => ++calls });
      expect(calls).toBe(0);
    },
  },
  {
    title: "survives what contains itself",
    async run(subject) {
      const list: unknown[] = [];
      list.push(list);
      const object: Record<string, unknown> = { list };
      object["self"] = object;
      await survives(subject, { object, list, map: new Map([["object", object]]) });
    },
  },
  {
    title: "survives bigints, and keeps their digits",
    async run(subject) {
      const record = await survives(subject, { big: 1234n, inside: { big: 5678n } });
      expect(text(record["big"])).toContain("1234");
    },
  },
  {
    title: "survives values that JSON has no word for",
    async run(subject) {
      await survives(subject, {
        symbol: Symbol("s"),
        date: new Date(Number.NaN),
        nan: Number.NaN,
        map: new Map<unknown, unknown>([[{}, 1n]]),
        set: new Set([Symbol("s")]),
        buffer: Buffer.from("buffer"),
        weak: new WeakMap(),
        promise: Promise.resolve(),
        bare: Object.create(null),
        regexp: /x/,
      });
    },
  },
  {
    title: "survives getters, methods and proxies that throw",
    async run(subject) {
      const revoked = Proxy.revocable({}, {});
      revoked.revoke();
      const fields = {
        toJson: { toJSON: raise },
        toText: { toString: raise },
        inside: Object.defineProperty({}, "x", { get: raise, enumerable: true }),
        proxy: revoked.proxy,
      };
      await survives(subject, Object.defineProperty(fields, "getter", { get: raise, enumerable: true }));
    },
  },
  {
    title: "survives values of any size and depth",
    async run(subject) {
      let deep: unknown = "bottom";
      for (let i = 0; i < 20_000; i++) deep = { deep };
      await survives(subject, {
        long: "x".repeat(1_000_000),
        deep,
        wide: Array.from({ length: 100_000 }, (_, n) => n),
      });
    },
  },
  {
    title: "keeps an error's message, whatever its name in the record",
    async run(subject) {
      subject.logger.log({
        msg: "failed",
        err: new TypeError("no such host"),
        transport_error: new Error("reset by peer"),
      });
      const record = await only(subject);
      expect(record["msg"]).toBe("failed");
      expect(text(record["err"])).toContain("no such host");
      expect(text(record["transport_error"])).toContain("reset by peer");
    },
  },
  {
    title: "keeps the message of an error that is bound",
    async run(subject) {
      subject
        .bind(subject.logger, { err: new Error("no such host"), last_error: new Error("reset by peer") })
        .log({ msg: "a" });
      const record = await only(subject);
      expect(text(record["err"])).toContain("no such host");
      expect(text(record["last_error"])).toContain("reset by peer");
    },
  },
  {
    title: "keeps an error's stack",
    capability: "errorStack",
    async run(subject) {
      subject.logger.log({ err: new Error("a"), transport_error: new Error("b") });
      const record = await only(subject);
      for (const name of ["err", "transport_error"]) expect(text(record[name])).toMatch(/logger\.[jt]s:\d+/);
    },
  },
  {
    title: "keeps what an error's cause says",
    capability: "errorCause",
    async run(subject) {
      const error = new Error("cannot save", { cause: new Error("disk full") });
      subject.logger.log({ err: error, transport_error: error });
      const record = await only(subject);
      for (const name of ["err", "transport_error"]) expect(text(record[name])).toContain("disk full");
    },
  },
  {
    title: "survives errors that are not as they should be",
    async run(subject) {
      const loop = new Error("loop");
      loop.cause = loop;
      const broken = Object.defineProperty(new Error("broken"), "message", { get: raise });
      const stackless = Object.assign(new Error("stackless"), { stack: undefined, message: undefined, name: 1 });
      await survives(subject, {
        loop,
        broken,
        stackless,
        none: undefined,
        thrown: new AggregateError([loop, "text", null]),
      });
    },
  },
  {
    title: "does not mix the records of calls that run at once",
    async run({ logger, bind, records }) {
      const calls = Array.from({ length: 50 }, (_, n) => ({ call: `c${n}`, request: `r${n}` }));
      const work = async ({ call, request }: { call: string; request: string }): Promise<void> => {
        const bound = bind(logger, { call, request: (ctx?: Context) => ctx?.get(requestId) });
        const ctx = background.with(requestId, request);
        for (const step of ["1", "2", "3"]) {
          bound.log({ step }, ctx);
          await Promise.resolve();
        }
      };
      await Promise.all(calls.map(work));
      const all = (await records()).map(({ call, request, step }) => ({ call, request, step }));
      expect(all).toHaveLength(150);
      expect(all).toEqual(
        expect.arrayContaining(calls.flatMap((call) => ["1", "2", "3"].map((step) => ({ ...call, step })))),
      );
    },
  },
  {
    title: "reports a sink that fails to onError, and does not throw",
    capability: "sinkFailure",
    failing: true,
    async run({ logger, bind }, errors) {
      expect(() => logger.log({ level: "error", msg: "lost" })).not.toThrow();
      expect(errors).toHaveLength(1);
      expect(() => bind(logger, { part: "bound" }).log({ msg: "lost" })).not.toThrow();
      expect(errors).toHaveLength(2);
    },
  },
];
