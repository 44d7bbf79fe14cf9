import { describe, expect, it } from "vitest";
import { fixedEndpointer, fixedInstancer } from "../src/index.ts";
import { at, recorder } from "./recorder.ts";

describe("fixedInstancer", () => {
  it("tells its list, sorted, to everybody who subscribes", () => {
    const given = at("b", "a", "b");
    const instancer = fixedInstancer(given);
    given.length = 0;
    expect(recorder(instancer).heard).toEqual([["a", "b"]]);
    expect(recorder(instancer).heard).toEqual([["a", "b"]]);
    expect(instancer.status.state).toBe("fresh");
  });

  it("tells nothing once it is closed", async () => {
    const instancer = fixedInstancer(at("a"));
    await instancer.close();
    await instancer[Symbol.asyncDispose]();
    expect(recorder(instancer).heard).toEqual([]);
  });

  it("refuses what is no instance", () => {
    expect(() => fixedInstancer([{ address: "" }])).toThrow(TypeError);
  });
});

describe("fixedEndpointer", () => {
  it("has the endpoints that it was given, always the same array", () => {
    const given = [() => "a", () => "b"];
    const fixed = fixedEndpointer(given);
    const endpoints = fixed.endpoints();
    expect(endpoints).toEqual(given);
    given.pop();
    expect(fixed.endpoints()).toBe(endpoints);
    expect(endpoints).toHaveLength(2);
  });

  it("counts its instances if it is not told them", () => {
    expect(fixedEndpointer(["x", "y"]).instances()).toEqual(at("0", "1"));
    const weighted = fixedEndpointer(
      ["x", "y"],
      [
        { address: "b", weight: 2 },
        { address: "a", weight: 1 },
      ],
    );
    expect(weighted.instances()).toEqual([
      { address: "b", weight: 2 },
      { address: "a", weight: 1 },
    ]);
    expect(weighted.instances()).toBe(weighted.instances());
  });

  it("refuses another number of instances than of endpoints, and what is no instance", () => {
    expect(() => fixedEndpointer(["x"], at("a", "b"))).toThrow(
      "fixedEndpointer: 1 endpoints need as many instances, got 2",
    );
    expect(() => fixedEndpointer(["x"], [{ address: "" }])).toThrow(TypeError);
  });
});
