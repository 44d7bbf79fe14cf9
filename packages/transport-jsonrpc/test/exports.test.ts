import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  expect(Object.keys(await import("@kit/transport-jsonrpc")).toSorted()).toEqual([
    "autoIncrement",
    "connectJsonrpc",
    "decodeError",
    "decodeJsonrpcResponse",
    "encodeError",
    "encodeErrorPlain",
    "jsonrpcClient",
    "jsonrpcError",
    "jsonrpcHandler",
    "serveJsonrpc",
  ]);
});
