import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  const names = [
    "connectThrift",
    "drainThrift",
    "serveThrift",
    "thriftClient",
    "thriftConnection",
    "thriftHandler",
    "thriftService",
  ];
  expect(Object.keys(await import("@kit/transport-thrift")).toSorted()).toEqual(names.toSorted());
});
