import { background, callInfo, chain, type Code, codes, type Endpoint, KitError, refusal } from "@kit/endpoint";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  bind,
  type Fields,
  fromCallInfo,
  jsonLogger,
  levelFilter,
  logged,
  type LoggedOptions,
  loggerFunc,
  nopLogger,
} from "../src/index.ts";

const ctx = background.with(callInfo, { service: "addsvc", method: "sum", transport: "http" });

/** An endpoint whose calls take 1.5 ms of a made-up clock, and the records of its logger. */
function setup(endpoint: Endpoint, options: LoggedOptions = {}) {
  const records: Fields[] = [];
  let ms = 0;
  const call = logged(
    loggerFunc((record) => records.push(JSON.parse(JSON.stringify(record)) as Fields)),
    { now: () => ms, ...options },
  )((request, context) => {
    ms += 1.50004;
    return endpoint(request, context);
  });
  return { records, call };
}

describe("logged", () => {
  it("logs a call that went well, without what was asked and answered", async () => {
    const { records, call } = setup(async ({ password }: { password: string }) => ({ token: password }));
    expect(await call({ password: "x" }, ctx)).toEqual({ token: "x" });
    expect(records).toEqual([{ level: "info", service: "addsvc", method: "sum", transport: "http", took_ms: 1.5 }]);
  });

  it("hands the logger the context", async () => {
    const lines: string[] = [];
    const logger = bind(jsonLogger({ write: (line) => lines.push(line) }), { peer: fromCallInfo("transport") });
    await logged(logger, { now: () => 0 })(async () => {})(undefined, ctx);
    expect(lines).toEqual([
      '{"level":"info","peer":"http","service":"addsvc","method":"sum","transport":"http","took_ms":0}\n',
    ]);
  });

  it("takes its names from its options before the context, and leaves out those that nobody knows", async () => {
    const named = setup(async () => {}, { service: "billing", name: "charge" });
    await named.call({}, ctx);
    await named.call({}, background);
    expect(named.records).toEqual([
      { level: "info", service: "billing", method: "charge", transport: "http", took_ms: 1.5 },
      { level: "info", service: "billing", method: "charge", took_ms: 1.5 },
    ]);
    const nameless = setup(async () => {});
    await nameless.call({}, background);
    expect(nameless.records).toEqual([{ level: "info", took_ms: 1.5 }]);
  });

  it("logs a failed call with its code, at a level that says whose fault it is", async () => {
    for (const code of Object.keys(codes) as Code[]) {
      const error = refusal(code, "because");
      const lines: string[] = [];
      const call = logged(jsonLogger({ write: (line) => lines.push(line) }), { now: () => 0 })(() =>
        Promise.reject(error),
      );
      await expect(call({}, background)).rejects.toBe(error);
      const level = ["deadline_exceeded", "unknown", "internal", "unavailable", "data_loss", "unimplemented"].includes(
        code,
      )
        ? "error"
        : "warn";
      expect(lines).toEqual([`{"level":"${level}","took_ms":0,"code":"${code}","transport_error":"because"}\n`]);
    }
  });

  it("logs what an unknown error says, and hands on the same", async () => {
    for (const thrown of [new Error("password authentication failed"), "text", undefined]) {
      const write = vi.fn<(line: string) => void>();
      const call = logged(jsonLogger({ write }), { now: () => 0 })(() => Promise.reject(thrown));
      await expect(call({}, background)).rejects.toBe(thrown);
      const error =
        thrown === undefined ? "" : `,"transport_error":"${thrown instanceof Error ? thrown.message : thrown}"`;
      expect(write).toHaveBeenCalledExactlyOnceWith(`{"level":"error","took_ms":0,"code":"unknown"${error}}\n`);
    }
  });

  it("logs a business failure as such", async () => {
    const response = { failed: () => new KitError("not_found", "no such order") };
    const lines: string[] = [];
    const call = logged(jsonLogger({ write: (line) => lines.push(line) }), { now: () => 0 })(async () => response);
    expect(await call({}, background)).toBe(response);
    expect(lines).toEqual(['{"level":"info","took_ms":0,"business_error":"no such order"}\n']);
  });

  it("answers as the endpoint does when failed() throws", async () => {
    const response = {
      failed(): never {
        throw new Error("oh");
      },
    };
    const { records, call } = setup(async () => response);
    expect(await call({}, background)).toBe(response);
    expect(records).toHaveLength(1);
  });

  it("logs an endpoint that throws before it has a promise", () => {
    const error = new Error("oh");
    const { records, call } = setup(() => {
      throw error;
    });
    expect(() => call({}, ctx)).toThrow(error);
    expect(records).toMatchObject([{ level: "error", code: "unknown" }]);
  });

  it("builds no record for a level that is off", async () => {
    const log = vi.fn<(fields: Fields) => void>();
    const now = vi.fn<() => number>(() => 0);
    const errorsOnly = levelFilter({ log }, { allow: "error" });
    for (const logger of [errorsOnly, nopLogger]) {
      const call = logged(logger, { now })(async (fails: boolean) => {
        if (fails) throw new KitError("not_found", "none");
      });
      now.mockClear();
      await call(false, ctx);
      await expect(call(true, ctx)).rejects.toThrow("none");
      expect(now).toHaveBeenCalledTimes(2);
    }
    expect(log).not.toHaveBeenCalled();
  });

  it("fits any endpoint and keeps its types", async () => {
    const call = logged(nopLogger)(async (n: number) => `${n}`);
    expectTypeOf(call).toEqualTypeOf<Endpoint<number, string>>();
    expect(await chain(logged(nopLogger), logged(nopLogger))(call)(1, background)).toBe("1");
  });
});
