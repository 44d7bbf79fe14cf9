import { describe, expect, it, vi } from "vitest";
import { asked, type OnError, tell } from "../src/index.ts";

const fault = new Error("fault");
const broken = (): never => {
  throw fault;
};

describe("tell", () => {
  it("tells whoever hears, and nobody else", () => {
    const onError = vi.fn<OnError>();
    tell(onError, fault);
    tell(undefined, fault);
    expect(onError.mock.calls).toEqual([[fault]]);
  });

  it("survives what hears", () => {
    expect(() => tell(broken, fault)).not.toThrow();
  });
});

describe("asked", () => {
  it("is what the function says", () => {
    expect(asked(undefined, 0, () => 1)).toBe(1);
  });

  it("is the rest where it throws, and tells of it", () => {
    const onError = vi.fn<OnError>();
    expect([asked(onError, 0, broken), asked(broken, 0, broken)]).toEqual([0, 0]);
    expect(onError.mock.calls).toEqual([[fault]]);
  });
});
