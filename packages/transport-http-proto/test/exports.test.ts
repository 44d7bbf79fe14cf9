import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  expect(Object.keys(await import("@kit/transport-http-proto")).toSorted()).toEqual([
    "connectHttpProto",
    "decodeProtoRequest",
    "decodeProtoResponse",
    "encodeProtoRequest",
    "encodeProtoResponse",
    "httpProtoClient",
    "httpProtoHandler",
    "protoContentType",
    "serveHttpProto",
  ]);
});
