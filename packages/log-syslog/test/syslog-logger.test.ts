import { hostname } from "node:os";
import { bind, error, info, jsonLogger, levels, logfmtLogger, loggerFunc, warn, type Fields } from "@kit/log";
import { eventually } from "@kit/servers";
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from "vitest";
import { type Severity, type SyslogLogger, syslogLogger, type SyslogLoggerOptions } from "../src/index.ts";
import { udpDaemon } from "./daemon.ts";
import { decode } from "./decode.ts";

vi.setConfig({ testTimeout: 60_000 });

const now = () => Date.UTC(2026, 10, 5, 9, 8, 7, 654);
const fixed = { appName: "shop", procId: "17", hostname: "web1", now };

/** A logger to a daemon of its own, and what that gets. */
async function setup(options: Partial<SyslogLoggerOptions> = {}) {
  const daemon = await udpDaemon();
  onTestFinished(() => daemon[Symbol.dispose]());
  const logger = syslogLogger({ ...fixed, port: daemon.port, ...options });
  onTestFinished(() => logger.close());
  const messages = async (count: number): Promise<readonly string[]> => {
    await eventually(() => daemon.messages.length >= count);
    return daemon.messages;
  };
  /** The message of one record. */
  const messageOf = async (fields: Fields): Promise<string> => {
    const before = daemon.messages.length;
    logger.log(fields);
    return (await messages(before + 1))[before]!;
  };
  return { logger, messages, messageOf };
}

/** The severities of the messages. */
async function severities({ messages }: Awaited<ReturnType<typeof setup>>, count: number) {
  return (await messages(count)).map((message) => decode(message).severity);
}

describe("syslogLogger by RFC 5424", () => {
  it("has the message as the message, and the other fields as structured data", async () => {
    const { logger, messages } = await setup();
    const log = levels(bind(logger, { service: "orders", request: () => "r-17" }));
    log.info("ordered", { items: 2, price: 1.5, gift: false, coupon: null });
    log.error("failed");
    info(logger).log({ msg: "no data" });
    logger.log({ n: 1 });
    logger.log({});
    expect(await messages(5)).toEqual([
      '<14>1 2026-11-05T09:08:07.654Z web1 shop 17 - [fields@32473 service="orders" request="r-17" items="2" price="1.5" gift="false" coupon="null"] ordered',
      '<11>1 2026-11-05T09:08:07.654Z web1 shop 17 - [fields@32473 service="orders" request="r-17"] failed',
      "<14>1 2026-11-05T09:08:07.654Z web1 shop 17 - - no data",
      '<14>1 2026-11-05T09:08:07.654Z web1 shop 17 - [fields@32473 n="1"]',
      "<14>1 2026-11-05T09:08:07.654Z web1 shop 17 - -",
    ]);
  });

  it("escapes what would end a value, and control characters everywhere", async () => {
    const { messageOf } = await setup();
    const text = 'a "b" [c] \\d\n<14>1 - - - - - - forged\r\t\u001b[31m\u007f\u009b\0';
    expect(await messageOf({ note: text, msg: text })).toBe(
      '<14>1 2026-11-05T09:08:07.654Z web1 shop 17 - [fields@32473 note="a \\"b\\" [c\\] \\\\d\\n<14>1 - - - - - - forged\\r\\t\\u001b[31m\\u007f\\u009b\\u0000"]' +
        ' a "b" [c] \\d\\n<14>1 - - - - - - forged\\r\\t\\u001b[31m\\u007f\\u009b\\u0000',
    );
  });

  it("names a field that the RFC has no name for by what it can say", async () => {
    const { messageOf } = await setup();
    const message = await messageOf({ naïve: 1, 'a=b]"c" 100%': 2, "": 3, ["x".repeat(40)]: 4, "\ud800": 5 });
    expect(message).toContain(
      `[fields@32473 na%C3%AFve="1" a%3Db%5D%22c%22%20100%25="2" _="3" ${"x".repeat(32)}="4" %EF%BF%BD="5"]`,
    );
  });

  it("writes UTF-8 without a byte order mark", async () => {
    const { messageOf } = await setup();
    expect(await messageOf({ msg: "Grüße, 世界 👩‍🚀" })).toBe(
      "<14>1 2026-11-05T09:08:07.654Z web1 shop 17 - - Grüße, 世界 👩‍🚀",
    );
  });

  it("prints objects, lists and errors as JSON, and a message that is no text likewise", async () => {
    const { messageOf } = await setup();
    const cause = new Error("disk full");
    const { params, msg } = decode(
      await messageOf({ msg: { a: [1] }, list: ["]", "b"], err: new TypeError("cannot save", { cause }), big: 12n }),
    );
    expect([params["list"], params["big"], msg]).toEqual(['["]","b"]', "12", '{"a":[1]}']);
    expect(JSON.parse(params["err"] as string)).toMatchObject({
      name: "TypeError",
      message: "cannot save",
      stack: expect.stringContaining("syslog-logger.test.ts") as string,
      cause: { message: "disk full" },
    });
  });

  it("has a MSGID for records that name one, in the form that the RFC has for it", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const msgId = ({ event }: Fields): string | undefined => {
      if (event === "throw") throw new Error("no id");
      return event as string;
    };
    const { messageOf, logger } = await setup({ msgId, onError });
    for (const [event, id] of [
      ["LOGIN", "LOGIN"],
      ["log in\n", "log_in_"],
      ["x".repeat(40), "x".repeat(32)],
      ["", "-"],
      [undefined, "-"],
      [7, "7"],
    ])
      expect(decode(await messageOf({ event })).msgId).toBe(id);
    logger.log({ event: "throw" });
    expect(onError.mock.calls).toEqual([[new Error("no id")]]);
  });

  it("says who it is as it is told, or as it finds out", async () => {
    const { messageOf } = await setup({
      sdId: "shop@99999",
      facility: "local7",
      hostname: "h",
      procId: "p",
      appName: "a",
    });
    expect(await messageOf({ n: 1 })).toContain('<190>1 2026-11-05T09:08:07.654Z h a p - [shop@99999 n="1"]');
    using daemon = await udpDaemon();
    await using logger = syslogLogger({ appName: "shop", port: daemon.port });
    const before = Date.now();
    logger.log({});
    await eventually(() => daemon.messages.length === 1);
    const { procId, time, hostname: name, facility } = decode(daemon.messages[0]!);
    expect([procId, name, facility]).toEqual([`${process.pid}`, hostname(), 1]);
    expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
  });

  it("cuts the longest texts of what would be too long, and leaves fields out when that is not enough", async () => {
    const { messageOf } = await setup({ maxMessageBytes: 1024 });
    const long = await messageOf({
      msg: "m".repeat(5000),
      a: "short",
      b: "ü".repeat(5000),
      c: { d: "x".repeat(5000) },
    });
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(1024);
    const { params, msg } = decode(long);
    expect(params).toMatchObject({ a: "short", b: expect.stringMatching(/^ü+…\(\+\d+\)$/) as string });
    expect(JSON.parse(params["c"] as string)).toMatchObject({ d: expect.stringMatching(/^x+…/) as string });
    expect(msg).toMatch(/^m+…\(\+\d+\)$/);

    const many = await messageOf({
      msg: "kept",
      ...Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`n${n}`, n])),
    });
    expect(Buffer.byteLength(many)).toBeLessThanOrEqual(1024);
    expect(decode(many)).toMatchObject({ msg: "kept", params: { n0: "0", n1: "1" } });
  });

  it("has the whole record as its text where it is given a format", async () => {
    const { messageOf } = await setup({ format: jsonLogger });
    expect(await messageOf({ level: "warn", msg: "slow\n", ms: 12 })).toBe(
      '<12>1 2026-11-05T09:08:07.654Z web1 shop 17 - - {"level":"warn","msg":"slow\\n","ms":12}',
    );
  });
});

describe("syslogLogger by RFC 3164", () => {
  it("has the record as one line of logfmt, and this machine's time", async () => {
    const { messageOf } = await setup({ rfc: 3164 });
    const date = new Date(now());
    expect(await messageOf({ level: "error", msg: "cannot\nsave", n: 1 })).toBe(
      `<11>Nov ${String(date.getDate()).padStart(2)} ${date.toTimeString().slice(0, 8)} web1 shop[17]: level=error msg="cannot\\nsave" n=1`,
    );
    expect(await messageOf({})).toMatch(/^<14>Nov .* web1 shop\[17\]: $/);
  });

  it("follows the clock", async () => {
    let ms = new Date(2026, 0, 31, 23, 59, 59, 999).getTime();
    const { messageOf } = await setup({ rfc: 3164, now: () => ms });
    expect(await messageOf({})).toContain(">Jan 31 23:59:59 ");
    ms += 1;
    expect(await messageOf({})).toContain(">Feb  1 00:00:00 ");
  });

  it("cuts what is too long, but not within a character, and hides what a format of your own lets through", async () => {
    const format: NonNullable<SyslogLoggerOptions["format"]> = (writer) =>
      loggerFunc(({ msg }) => void writer.write(`${msg as string}\n`));
    const { messageOf } = await setup({ rfc: 3164, maxMessageBytes: 1024, format });
    for (const start of ["", "a", "ab"]) {
      const message = await messageOf({ msg: start + "世".repeat(5000) });
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
      expect(message).toMatch(/: a?b?世+…$/);
    }
    expect(await messageOf({ msg: "a\nb\u001b" })).toMatch(/: a\\nb\\u001b$/);
  });

  it("cuts one long value so that the line stays whole", async () => {
    const { messageOf } = await setup({ rfc: 3164, maxMessageBytes: 1024, format: jsonLogger });
    const message = await messageOf({ n: 1, note: "x".repeat(5000), msg: "m" });
    expect(JSON.parse(message.slice(message.indexOf("{")))).toMatchObject({
      n: 1,
      note: expect.stringMatching(/^x+…/) as string,
      msg: "m",
    });
  });

  it("names no host to a unix socket, unless it is told to", async () => {
    const sent: string[] = [];
    const unixDgram = () => ({
      sendTo(bytes: Buffer, _offset: number, _length: number, _path: string, done: () => void) {
        sent.push(bytes.toString());
        done();
      },
      close() {},
    });
    for (const options of [{}, { hostname: "web1" }]) {
      const logger = syslogLogger({
        appName: "a",
        procId: "1",
        rfc: 3164,
        protocol: "unix-dgram",
        unixDgram,
        ...options,
      });
      logger.log({ n: 1 });
      await logger.close();
    }
    expect(sent).toEqual([
      expect.stringMatching(/^<14>\w{3} [ \d]\d \d\d:\d\d:\d\d a\[1\]: n=1$/),
      expect.stringMatching(/^<14>\w{3} [ \d]\d \d\d:\d\d:\d\d web1 a\[1\]: n=1$/),
    ]);
  });

  it("leaves out what its format leaves out", async () => {
    const format: NonNullable<SyslogLoggerOptions["format"]> = (writer, options) => {
      const lines = logfmtLogger(writer, options);
      return loggerFunc((fields) => fields["quiet"] !== true && lines.log(fields));
    };
    const { logger, messages } = await setup({ rfc: 3164, format });
    logger.log({ quiet: true });
    logger.log({ n: 2 });
    expect(await messages(1)).toEqual([expect.stringMatching(/: n=2$/)]);
  });
});

describe("the severity of a record", () => {
  // go-kit: TestSyslogLoggerDefaultPrioritySelector
  it("is what its level means, wherever that stands and whether it is bound, and info without one", async () => {
    const subject = await setup();
    const { logger } = subject;
    for (const level of ["warn", "debug", "info", "error", undefined, "loud", 3]) logger.log({ a: 1, level, msg: "m" });
    warn(logger).log({});
    error(logger).log({ level: undefined });
    bind(logger, { level: "debug" }).log({ level: "error" });
    bind(logger, { level: () => "debug" }).log({});
    logger.log({ msg: "level" });
    logger.log({
      get level(): never {
        throw new Error("hostile");
      },
    });
    expect(await severities(subject, 13)).toEqual([4, 7, 6, 3, 6, 6, 6, 4, 3, 3, 7, 6, 6]);
  });

  it("may be one of syslog's own", async () => {
    const subject = await setup();
    const names = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    for (const level of names) subject.logger.log({ level, msg: "m" });
    expect(await severities(subject, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect((await subject.messages(8)).every((message) => message.endsWith(" - - m"))).toBe(true);
  });

  // go-kit: TestSyslogLoggerExhaustivePrioritySelector
  it("is what severity says, and info for what it does not know", async () => {
    const subject = await setup({ severity: ({ kind }) => kind as Severity });
    const names = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "unknown", undefined, null];
    for (const kind of names) subject.logger.log({ kind });
    expect(await severities(subject, 11)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 6, 6, 6]);
  });

  it("leaves the level among the fields where it does not say the same", async () => {
    const { messageOf } = await setup({ severity: ({ fatal }) => (fatal ? "crit" : "err") });
    expect(decode(await messageOf({ level: "error" })).params).toEqual({});
    expect(decode(await messageOf({ level: "error", fatal: true })).params).toEqual({ level: "error", fatal: "true" });
    expect(decode(await messageOf({ level: "verbose" })).params).toEqual({ level: "verbose" });
  });

  it("is info, and the record kept, when severity throws", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const severity = (): never => {
      throw new Error("oh");
    };
    const { messageOf } = await setup({ severity, onError });
    expect(await messageOf({ msg: "kept" })).toMatch(/^<14>.* kept$/);
    expect(onError.mock.calls).toEqual([[new Error("oh")]]);
  });
});

describe("syslogLogger", () => {
  it("is a logger with a count and an end", () => {
    expectTypeOf<SyslogLogger>().toHaveProperty("dropped").toBeNumber();
    expectTypeOf<SyslogLogger>().toExtend<AsyncDisposable>();
  });

  it("does not throw for a record that cannot be read, or a clock that is wrong", async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const { logger } = await setup({ onError, now: () => Number.NaN });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(() => logger.log(proxy)).not.toThrow();
    expect(() => logger.log({ msg: "m" })).not.toThrow();
    expect(onError).toHaveBeenCalledTimes(2);
  });

  it.for<[string, object]>([
    ["appName must be printable ASCII, 1 to 48, got undefined", { appName: undefined }],
    ["appName must be printable ASCII, 1 to 48, got a b", { appName: "a b" }],
    ["appName must be printable ASCII, 1 to 32 characters without [, ] and :, got a:b", { rfc: 3164, appName: "a:b" }],
    ["protocol must be udp, tcp, tls, unix or unix-dgram, got http", { protocol: "http" }],
    ["host must be a string that is not empty, got ", { host: "" }],
    ["port must be an integer from 1 to 65535, got 0", { port: 0 }],
    ["path must be a string that is not empty, got ", { path: "" }],
    ["unixDgram must be a function for this protocol, got undefined", { protocol: "unix-dgram" }],
    ['framing must be "octet-counting" or "newline", got none', { framing: "none" }],
    ["rfc must be 5424 or 3164, got 5425", { rfc: 5425 }],
    ["format must be a function, got string", { format: "json" }],
    ["severity must be a function, got string", { severity: "err" }],
    ["msgId must be a function, got string", { msgId: "ID" }],
    ["now must be a function, got number", { now: 1 }],
    ["facility must be one of kern, user, mail", { facility: "local8" }],
    ["hostname must be 1 to 255 printable ASCII characters, got wéb", { hostname: "wéb" }],
    ["procId must be 1 to 128 printable ASCII characters, got ", { procId: "" }],
    ['sdId must be 1 to 32 printable ASCII characters without =, ] and ", got a=b', { sdId: "a=b" }],
    ["maxMessageBytes must be an integer from 1024 to 65507, got 480", { maxMessageBytes: 480 }],
    ["maxQueueBytes must be an integer from 1 to 2^30, got 0", { maxQueueBytes: 0 }],
    ["closeTimeoutMs must be an integer from 0 to 2147483647, got -1", { closeTimeoutMs: -1 }],
  ])("refuses wrong options: %s", ([message, options]) => {
    const make = () => syslogLogger({ appName: "a", ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`syslogLogger: ${message}`);
  });
});
