import { background, callInfo, contextKey } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import {
  bind,
  bindSuffix,
  caller,
  debug,
  type Fields,
  fromCallInfo,
  fromContext,
  info,
  jsonLogger,
  levelFilter,
  levelInjector,
  levels,
  type Logger,
  loggerFunc,
  logfmtLogger,
  timestamp,
  timestampFormat,
} from "../src/index.ts";

function recorder(): { readonly logger: Logger; readonly records: Fields[] } {
  const records: Fields[] = [];
  return { logger: loggerFunc((fields) => records.push(fields)), records };
}

/** A clock that is a second further at each reading. */
function clock(): () => number {
  let ms = Date.UTC(2015, 3, 25);
  return () => (ms += 1000);
}

/** The line of this file that calls. */
function here(): string {
  return /valuers\.test\.ts:\d+/.exec(new Error().stack!.split("\n")[2]!)![0];
}

describe("timestamp", () => {
  // go-kit: TestValueBinding, TestValueBinding_loggingZeroKeyvals
  it("is the time of each record, in RFC 3339 with milliseconds, also of one without fields", () => {
    const { logger, records } = recorder();
    const bound = bind(logger, { ts: timestamp(clock()) });
    bound.log({ foo: "bar" });
    bound.log({});
    expect(records).toEqual([{ ts: "2015-04-25T00:00:01.000Z", foo: "bar" }, { ts: "2015-04-25T00:00:02.000Z" }]);
  });

  it("reads the system's clock where it is given none", () => {
    const before = Date.now();
    const at = Date.parse(String(timestamp()()));
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
  });

  it("says so when the clock is broken, and goes on when it is not", () => {
    const { logger, records } = recorder();
    let now = Number.NaN;
    const bound = bind(logger, { ts: timestamp(() => now) });
    bound.log({});
    now = 0;
    bound.log({});
    expect(records).toEqual([{ ts: "(THREW: Invalid time value)" }, { ts: "1970-01-01T00:00:00.000Z" }]);
  });
});

describe("timestampFormat", () => {
  // go-kit: TestTimestampFormat
  it("is the time of each record in the form asked for", () => {
    const valuer = timestampFormat((time) => time.toUTCString(), clock());
    expect([valuer(), valuer()]).toEqual(["Sat, 25 Apr 2015 00:00:01 GMT", "Sat, 25 Apr 2015 00:00:02 GMT"]);
  });
});

describe("fromContext and fromCallInfo", () => {
  it("take values from the record's context, and none where there is none", () => {
    const { logger, records } = recorder();
    const requestId = contextKey<string>("test/requestId");
    const bound = bind(logger, {
      request: fromContext(requestId),
      method: fromCallInfo("method"),
      peer: fromCallInfo("peer"),
    });
    const ctx = background
      .with(requestId, "r1")
      .with(callInfo, { service: "addsvc", method: "sum", transport: "http" });
    bound.log({ n: 1 }, ctx);
    bound.log({ n: 2 }, background);
    bound.log({ n: 3 });
    expect(records).toEqual([{ request: "r1", method: "sum", n: 1 }, { n: 2 }, { n: 3 }]);
  });
});

describe("caller", () => {
  it.for<[string, (logger: Logger) => Logger]>([
    ["bound", (logger) => logger],
    ["bound many times", (logger) => bindSuffix(bind(bind(logger, { a: 1 }), { b: 1 }), { c: 1 })],
    // go-kit: TestLevelContext
    ["outside of a filter", (logger) => bind(levelFilter(logger, { allow: "debug" }), { a: 1 })],
    ["leveled", (logger) => info(logger)],
    // go-kit: TestContextLevel, for which its caller has to be told the depth
    ["inside of a filter", (logger) => levelFilter(bind(logger, { caller: caller() }), { allow: "debug" })],
    ["inside of an injector", (logger) => levelInjector(bind(logger, { caller: caller() }), "info")],
  ])("names the line that logs: %s", ([, wrap]) => {
    for (const make of [logfmtLogger, jsonLogger]) {
      const lines: string[] = [];
      const sink = make({ write: (line) => lines.push(line) });
      const logger = bind(wrap(sink), { caller: caller() });
      logger.log({ here: here() });
      levels(logger).warn("x", { here: here() });
      debug(logger).log({ here: here() });
      for (const line of lines) {
        const [found, expected] = line.match(/valuers\.test\.ts:\d+/g)!;
        expect(found).toBe(expected);
      }
      expect(lines).toHaveLength(3);
    }
  });

  // go-kit: TestJSONLoggerCaller
  it("is all that a record without fields has", () => {
    const lines: string[] = [];
    bind(jsonLogger({ write: (line) => lines.push(line) }), { caller: caller() }).log({});
    expect(lines[0]).toMatch(/^\{"caller":"valuers\.test\.ts:\d+"\}\n$/);
  });

  it("skips the frames of a wrapper", () => {
    const { logger, records } = recorder();
    const bound = bind(logger, { caller: caller(1) });
    const wrapper = (place: string): void => bound.log({ place });
    wrapper(here());
    expect(records[0]!["caller"]).toBe(records[0]!["place"]);
    expect(records[0]!["place"]).toMatch(/^valuers/);
  });

  it("leaves the depth of other stacks as it was, and out what is not on the stack", () => {
    const before = Error.stackTraceLimit;
    const { logger, records } = recorder();
    bind(logger, { caller: caller(1000) }).log({ a: 1 });
    expect(records).toEqual([{ a: 1 }]);
    expect(Error.stackTraceLimit).toBe(before);
  });

  it.for([-1, 0.5, Number.NaN, "1" as never])("refuses to skip %s frames", (skip) => {
    expect(() => caller(skip)).toThrow(new TypeError(`caller: skip must be a whole number, got ${skip}`));
  });
});
