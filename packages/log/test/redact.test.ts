import { describe, expect, it } from "vitest";
import { bind, type Fields, loggerFunc, nopLogger, redact, secretNames } from "../src/index.ts";

function redacted(fields: Fields, names: readonly string[] = secretNames): Fields {
  const records: Fields[] = [];
  redact(
    loggerFunc((record) => records.push(record)),
    names,
  ).log(fields);
  expect(records).toHaveLength(1);
  return records[0]!;
}

const hidden = "(REDACTED)";

describe("redact", () => {
  it("hides fields by name, in whatever case", () => {
    expect(
      redacted({ user: "ada", password: "x", Authorization: "Basic x", apiKey: "k", "X-API-Key": "k", tokens: 3 }),
    ).toEqual({
      user: "ada",
      password: hidden,
      Authorization: hidden,
      apiKey: hidden,
      "X-API-Key": hidden,
      tokens: 3,
    });
    expect(redacted({ "a.b": 1, aXb: 2 }, ["a.b"])).toEqual({ "a.b": hidden, aXb: 2 });
  });

  it("hides what is inside of objects, lists, maps, sets and what prints itself as JSON", () => {
    const request = { headers: { cookie: "c", accept: "a" }, list: [1, { token: "t" }] };
    expect(
      redacted({
        request,
        map: new Map<unknown, unknown>([
          ["secret", 1],
          ["a", { token: 1 }],
          [2, 3],
        ]),
        set: new Set([{ token: 1 }]),
        json: { toJSON: () => ({ token: 1, a: 2 }) },
      }),
    ).toEqual({
      request: { headers: { cookie: hidden, accept: "a" }, list: [1, { token: hidden }] },
      map: new Map<unknown, unknown>([
        ["secret", hidden],
        ["a", { token: hidden }],
        [2, 3],
      ]),
      set: [{ token: hidden }],
      json: { token: hidden, a: 2 },
    });
    expect(request.headers.cookie).toBe("c");
  });

  it("leaves an error its known parts when another hides a secret", () => {
    const error = Object.assign(new Error("refused"), { config: { headers: { authorization: "x" } } });
    const { err } = redacted({ err: error }) as { err: Record<string, unknown> };
    expect(err).toEqual({ name: "Error", message: "refused", stack: error.stack });
  });

  it("hands on the same record, and the same values, where nothing is secret", () => {
    const records: Fields[] = [];
    const fields = {
      a: { b: [1, new Map([["c", new Set([1])]])] },
      date: new Date(0),
      bytes: Buffer.from("a"),
      err: new Error("e"),
      none: undefined,
    };
    redact(
      loggerFunc((record) => records.push(record)),
      ["x"],
    ).log(fields);
    expect(records[0]).toBe(fields);
    expect(redacted({ ...fields, token: 1 })["date"]).toBe(fields.date);
  });

  it("leaves absent what is undefined", () => {
    expect(redacted({ password: undefined, user: { password: undefined } })).toEqual({
      password: undefined,
      user: { password: undefined },
    });
  });

  it("hides what it cannot look through", () => {
    const raise = (): never => {
      throw new Error("oh");
    };
    let deep: unknown = { token: "x" };
    for (let i = 0; i < 10; i++) deep = { deep };
    let ways: unknown[] = [{ token: "x" }];
    for (let i = 0; i < 7; i++) ways = Array.from({ length: 10 }, () => ways);
    const fields = {
      deep,
      ways,
      many: Array.from({ length: 20_000 }, () => 0),
      json: { toJSON: raise },
      getter: {
        get a() {
          return raise();
        },
      },
    };
    expect(redacted(fields)).toEqual({ deep: hidden, ways: hidden, many: hidden, json: hidden, getter: hidden });
    const cycle: Record<string, unknown> = { token: "x" };
    cycle["self"] = cycle;
    expect(redacted({ cycle })).toEqual({ cycle: { token: hidden, self: "(CIRCULAR)" } });
    expect(
      redacted({
        get a() {
          return raise();
        },
        token: 1,
      }),
    ).toEqual({ a: "(THREW: oh)", token: hidden });
  });

  it("hides what is bound outside of it", () => {
    const records: Fields[] = [];
    const logger = redact(
      loggerFunc((record) => records.push(record)),
      ["token"],
    );
    bind(logger, { token: "x", made: () => ({ token: "y" }) }).log({ a: 1 });
    expect(records).toEqual([{ token: hidden, made: { token: hidden }, a: 1 }]);
  });

  it("does not throw for a record that cannot be read", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(() => redact(nopLogger, ["a"]).log(proxy)).not.toThrow();
  });

  it.for([[[]], [["a", ""]]])("refuses the names %o", ([names]) => {
    expect(() => redact(nopLogger, names!)).toThrow(
      new TypeError("redact: names must be a list of names, none of them empty"),
    );
  });
});
