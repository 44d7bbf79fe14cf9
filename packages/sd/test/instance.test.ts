import { describe, expect, it } from "vitest";
import { parseInstance } from "../src/index.ts";
import { thrownBy } from "./recorder.ts";

describe("parseInstance", () => {
  it("keeps what an instance has and nothing else", () => {
    const whole = { address: "10.0.0.1:80", weight: 0, zone: "eu-1a", metadata: { version: "1.2" } };
    expect(parseInstance({ ...whole, secret: "x" })).toStrictEqual(whole);
    expect(parseInstance({ address: "a", weight: undefined })).toStrictEqual({ address: "a" });
  });

  it("copies and freezes", () => {
    const given = { address: "a", metadata: { version: "1" } };
    const instance = parseInstance(given);
    given.metadata.version = "2";
    expect(instance.metadata).toEqual({ version: "1" });
    expect(Object.isFrozen(instance)).toBe(true);
    expect(Object.isFrozen(instance.metadata)).toBe(true);
  });

  it("takes a metadata name for what it is, whatever it is called", () => {
    const { metadata } = parseInstance(JSON.parse('{"address":"a","metadata":{"__proto__":"x","constructor":"y"}}'));
    expect(Object.entries(metadata!)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });

  it.for([
    [undefined, "address"],
    [null, "address"],
    ["10.0.0.1:80", "address"],
    [{}, "address"],
    [{ address: "" }, "address"],
    [{ address: 80 }, "address"],
    [{ address: "a", weight: -1 }, "weight"],
    [{ address: "a", weight: NaN }, "weight"],
    [{ address: "a", weight: Infinity }, "weight"],
    [{ address: "a", weight: "1" }, "weight"],
    [{ address: "a", zone: 1 }, "zone"],
    [{ address: "a", metadata: [] }, "metadata"],
    [{ address: "a", metadata: null }, "metadata"],
    [{ address: "a", metadata: "x" }, "metadata"],
    [{ address: "a", metadata: { tags: ["x"] } }, "metadata.tags"],
  ] as const)("refuses %o, naming the field", ([value, field]) => {
    expect(() => parseInstance(value)).toThrow(TypeError);
    expect(() => parseInstance(value)).toThrow(`instance: ${field} must be`);
  });

  it("shows what it got", () => {
    expect(thrownBy(() => parseInstance({ address: "" }))).toBe(
      'instance: address must be a string that is not empty, got ""',
    );
    expect(thrownBy(() => parseInstance({ address: "a", weight: -1 }))).toBe(
      "instance: weight must be a finite number of at least 0, got -1",
    );
    expect(thrownBy(() => parseInstance({ address: "a", zone: Object.create(null) }))).toBe(
      "instance: zone must be a string, got object",
    );
    expect(thrownBy(() => parseInstance({ address: "a", zone: null }))).toBe(
      "instance: zone must be a string, got null",
    );
  });
});
