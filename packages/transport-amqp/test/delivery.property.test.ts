import { isKitError } from "@kit/endpoint";
import type { ConsumeMessage } from "amqplib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { AmqpDelivery } from "../src/delivery.ts";
import { decodeJsonReply, decodeJsonRequest, decodePlainReply } from "../src/json.ts";

const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.array(fc.string()), fc.object());
const bytes = fc.oneof(
  fc.uint8Array(),
  fc.json().map((text) => Buffer.from(text)),
);

function delivery(body: Uint8Array, headers?: Record<string, unknown>): AmqpDelivery {
  return new AmqpDelivery({ content: Buffer.from(body), properties: { headers }, fields: {} } as ConsumeMessage);
}

it("decodes whatever comes to a value or a KitError", () => {
  const names = fc.oneof(fc.string(), fc.constantFrom("error-code", "Error-Code"));
  const isSound = (decode: () => unknown): boolean => {
    try {
      decode();
      return true;
    } catch (error) {
      return isKitError(error);
    }
  };
  const property = fc.property(bytes, fc.dictionary(names, value), (body, headers) => {
    const came = delivery(body, headers);
    return [decodeJsonRequest, decodeJsonReply, decodePlainReply].every((decode) => isSound(() => decode(came)));
  });
  expect(() => fc.assert(property)).not.toThrow();
});

it("reads headers whatever their case and type", () => {
  const came = delivery(Buffer.alloc(0), {
    Authorization: "Bearer x",
    n: 5,
    list: ["a", "b"],
    bytes: Buffer.from("c"),
    table: {},
  });
  const names = ["authorization", "n", "list", "bytes", "table", "none"];
  expect(names.map((name) => came.header(name))).toEqual(["Bearer x", "5", "a, b", "c", undefined, undefined]);
  expect(delivery(Buffer.alloc(0)).header("x")).toBe(undefined);
});

it("takes a go-kit server's err for an error where nothing is beside it; else it is the response's own", () => {
  const reply = (text: string): unknown => decodePlainReply(delivery(Buffer.from(text)));
  expect(() => reply('{"err":"dang"}')).toThrow("dang");
  expect(reply('{"v":0,"err":"dang"}')).toEqual({ v: 0, err: "dang" });
  expect(reply('{"err":""}')).toEqual({ err: "" });
});
