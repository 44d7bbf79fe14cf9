import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  expect(Object.keys(await import("@kit/transport")).toSorted()).toEqual([
    "CallWatch",
    "IncomingCall",
    "IncomingCalls",
    "PendingCalls",
    "clientSteps",
    "decodeWireError",
    "encodePlainError",
    "encodeWireError",
    "keyNames",
    "limit",
    "parseJson",
    "parseTimeout",
    "serverSteps",
    "timeoutText",
  ]);
});
