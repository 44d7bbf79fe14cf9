import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  const names = [
    "connectNats",
    "decodeJsonReply",
    "decodeJsonRequest",
    "decodePlainReply",
    "encodeError",
    "encodeErrorPlain",
    "encodeJson",
    "natsClient",
    "natsHandler",
    "nopRequestDecoder",
    "serveNats",
  ];
  expect(Object.keys(await import("@kit/transport-nats")).toSorted()).toEqual(names.toSorted());
});
