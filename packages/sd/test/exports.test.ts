import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  expect(Object.keys(await import("@kit/sd")).toSorted()).toEqual([
    "backoff",
    "decodeInstance",
    "encodeInstance",
    "endpointer",
    "firstInstances",
    "fixedEndpointer",
    "fixedInstancer",
    "guarded",
    "heartbeatRegistrar",
    "instanceCache",
    "isWithin",
    "optionError",
    "parseInstance",
    "recordReader",
    "requireMs",
    "requireName",
    "requireText",
    "watchInstancer",
  ]);
});
