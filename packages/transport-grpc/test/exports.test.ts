import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  const names = [
    "connectGrpc",
    "drainGrpc",
    "encodeError",
    "encodeErrorPlain",
    "grpcClient",
    "grpcHandler",
    "GrpcHealth",
    "grpcService",
    "messageCodec",
    "serveGrpc",
    "serveGrpcHealth",
    "serveGrpcReflection",
    "setRequestHeader",
    "setResponseHeader",
    "setResponseTrailer",
  ];
  expect(Object.keys(await import("@kit/transport-grpc")).toSorted()).toEqual(names.toSorted());
});
