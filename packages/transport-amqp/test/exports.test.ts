import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  const names = [
    "amqpClient",
    "amqpConnection",
    "amqpHandler",
    "connectAmqp",
    "decodeJsonReply",
    "decodeJsonRequest",
    "decodePlainReply",
    "encodeError",
    "encodeErrorPlain",
    "encodeJson",
    "serveAmqp",
  ];
  expect(Object.keys(await import("@kit/transport-amqp")).toSorted()).toEqual(names.toSorted());
});
