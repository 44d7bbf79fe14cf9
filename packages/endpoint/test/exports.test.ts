import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  expect(Object.keys(await import("@kit/endpoint")).toSorted()).toEqual([
    "KitError",
    "background",
    "callInfo",
    "chain",
    "codeOf",
    "codes",
    "contextKey",
    "extract",
    "failureOf",
    "fromWire",
    "inject",
    "isKitError",
    "refusal",
    "text",
    "toWire",
  ]);
});
