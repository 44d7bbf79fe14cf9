import { describe, expect, it, vi } from "vitest";
import { type Addressed, perInstance } from "../src/index.ts";
import { fixedBreaker } from "./fixed-circuit.ts";

const make = ({ address }: Addressed): ReturnType<typeof fixedBreaker> => fixedBreaker(address);

describe("perInstance", () => {
  it("makes a breaker for each address, once", () => {
    const breakers = perInstance(make);
    const one = breakers({ address: "10.0.0.1:80" });
    expect(breakers({ address: "10.0.0.1:80" })).toBe(one);
    expect(breakers({ address: "10.0.0.2:80" })).not.toBe(one);
    expect([...breakers].map(({ name }) => name).toSorted()).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
  });

  it("gives the instance to whoever makes the breaker", () => {
    const makes = vi.fn<(instance: { address: string; zone: string }) => ReturnType<typeof fixedBreaker>>(make);
    const instance = { address: "10.0.0.1:80", zone: "a" };
    perInstance(makes)(instance);
    expect(makes.mock.calls).toEqual([[instance]]);
  });

  it("forgets who was asked for longest ago, beyond its bound", () => {
    const breakers = perInstance(make, { maxInstances: 2 });
    const first = breakers({ address: "a" });
    breakers({ address: "b" });
    breakers({ address: "a" });
    breakers({ address: "c" });
    expect([...breakers].map(({ name }) => name)).toEqual(["a", "c"]);
    expect(breakers({ address: "a" })).toBe(first);
  });

  it("stays at its bound, whatever comes", () => {
    const breakers = perInstance(make);
    for (let i = 0; i < 10_000; i += 1) breakers({ address: `10.0.0.1:${i}` });
    expect([...breakers]).toHaveLength(1_000);
  });

  it.each([0, 1.5, Number.NaN])("refuses a maxInstances of %s by name", (maxInstances) => {
    const message = `perInstance: maxInstances must be a positive integer, got ${maxInstances}`;
    expect(() => perInstance(make, { maxInstances })).toThrow(new TypeError(message));
  });
});
