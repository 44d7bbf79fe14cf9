import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeInstance, encodeInstance, parseInstance } from "../src/index.ts";

const text = fc.string({ unit: "grapheme" });
const instance = fc.record(
  {
    address: fc.string({ unit: "grapheme", minLength: 1 }),
    weight: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).filter((weight) => !Object.is(weight, -0)),
    zone: text,
    metadata: fc.dictionary(text, text, { noNullPrototype: true }),
  },
  { requiredKeys: ["address"] },
);

function outcome(value: Buffer): string {
  try {
    const read = decodeInstance(value);
    return parseInstance(read) === read ? "an instance" : "no instance";
  } catch (error) {
    return (error as Error).name;
  }
}

describe("an instance as text", () => {
  it("is the address alone, as go-kit writes it, where there is nothing else to say", () => {
    expect(encodeInstance({ address: "10.0.0.1:80" }).toString()).toBe("10.0.0.1:80");
    expect(encodeInstance({ address: "a:1", weight: 2 }).toString()).toBe('{"address":"a:1","weight":2}');
    expect(decodeInstance(Buffer.from("http://10.0.0.1:80"))).toEqual({ address: "http://10.0.0.1:80" });
  });

  it("is read as it was written, whatever it says", () => {
    fc.assert(
      fc.property(instance, (given) => {
        expect(decodeInstance(encodeInstance(parseInstance(given)))).toEqual(parseInstance(given));
      }),
      { examples: [[{ address: "{" }], [{ address: '{"address":"other"}' }]] },
    );
  });

  it("is refused, or an instance, whatever the bytes are", () => {
    const json = fc.json().map((made) => Buffer.from(made));
    const bytes = fc.oneof(
      fc.uint8Array().map((made) => Buffer.from(made)),
      json,
    );
    fc.assert(
      fc.property(bytes, (value) => {
        expect(["an instance", "TypeError", "SyntaxError"]).toContain(outcome(value));
      }),
    );
  });

  it.for([
    ["", "instance: address must be"],
    ["{", "JSON"],
    ["{}", "instance: address must be"],
    ['{"address":1}', "instance: address must be"],
  ] as const)("is not %j", ([value, message]) => {
    expect(() => decodeInstance(Buffer.from(value))).toThrow(message);
  });

  it("has at most 64 KiB, when it is written as when it is read", () => {
    const longest = { address: "a".repeat(65_536) };
    expect(decodeInstance(encodeInstance(longest))).toEqual(longest);
    const longer = { address: "a".repeat(65_537) };
    expect(() => encodeInstance(longer)).toThrow("instance: 65537 bytes are more than 65536");
    expect(() => decodeInstance(Buffer.from(longer.address))).toThrow("instance: 65537 bytes are more than 65536");
  });
});
