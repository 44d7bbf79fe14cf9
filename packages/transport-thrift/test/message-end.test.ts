import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteOutput } from "../src/byte-output.ts";
import { messageEnd } from "../src/message-end.ts";
import { protocolOutput } from "../src/protocol.ts";
import { Zoo } from "./add.ts";
import { binary, i32, sumArgs, type } from "./wire.ts";

const { codec } = Zoo.methods.feed;

describe.each(["binary", "compact", "json"] as const)("the end of a message in %s", (protocol) => {
  const output = new ByteOutput();
  const animal = {
    name: 'Tom 🐱 ["\\',
    weight: 2n ** 60n,
    flags: [true, false],
    tags: ["a", ""],
    days: { 1: "x", 2: "y" },
    blob: Buffer.alloc(200),
    size: 1.5,
    id: { name: "tom" },
    small: 1,
    short: 300,
    alive: true,
  };
  codec.writeCall(protocolOutput(protocol, output), 300, { animal, amounts: [1, 2, 3], colour: 2 });
  const message = output.take();

  it("is found at its last byte, one byte after the other", () => {
    const walk = messageEnd(protocol);
    for (let end = 1; end < message.length; end++) expect(walk.find(message, 0, end)).toBeUndefined();
    expect(walk.find(message, 0, message.length)).toBe(message.length);
  });

  it("is found in whatever pieces it comes, wherever it lies, with others behind it", () => {
    const all = Buffer.concat([Buffer.alloc(7), message, message]);
    const pieces = fc.array(fc.integer({ min: 1, max: 2 * message.length }), { maxLength: 10 });
    fc.assert(
      fc.property(pieces, (sizes) => {
        const walk = messageEnd(protocol);
        let end = 7;
        for (const size of sizes) {
          end = Math.min(end + size, all.length);
          const found = walk.find(all, 7, end);
          expect(found).toBe(end < 7 + message.length ? undefined : 7 + message.length);
          if (found !== undefined) return;
        }
      }),
    );
  });
});

describe("what has no end", () => {
  it.each([
    ["a type that there is not", binary("Sum", type.call, 1, Buffer.from([1, 0, 1]))],
    ["a negative size", binary("Sum", type.call, 1, Buffer.concat([Buffer.from([11, 0, 1]), i32(-1)]))],
    ["nesting without end", binary("Sum", type.call, 1, Buffer.from("\u000c\u0000\u0001".repeat(100)))],
    ["a number that does not end", Buffer.from([0x82, 0x21, ...Array<number>(12).fill(0xff)])],
  ])("is refused: %s", (_, message) => {
    const walk = messageEnd(message[0] === 0x82 ? "compact" : "binary");
    expect(() => walk.find(message, 0, message.length)).toThrow(/^thrift: /);
  });

  it("says how much is to come, before it comes", () => {
    const walk = messageEnd("binary");
    const message = binary("Sum", type.call, 1, Buffer.concat([Buffer.from([15, 0, 1, 10]), i32(1_000_000)]));
    expect(walk.find(message, 0, message.length)).toBeUndefined();
    expect(walk.length).toBe(message.length + 8_000_000);
    expect(messageEnd("binary").find(binary("Sum", 1, 1, sumArgs(1, 2)), 0, 20)).toBeUndefined();
  });
});
