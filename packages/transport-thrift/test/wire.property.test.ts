import { background, codeOf, KitError } from "@kit/endpoint";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteInput, Underrun } from "../src/byte-input.ts";
import { ByteOutput } from "../src/byte-output.ts";
import { findFrame, writeFrame } from "../src/frame.ts";
import { Inbox } from "../src/inbox.ts";
import { protocolInput, protocolOutput } from "../src/protocol.ts";
import { connectThrift } from "../src/index.ts";
import { Add, serveAdd, Zoo } from "./add.ts";
import { serving } from "./serving.ts";
import { binary, framed, sumArgs, type, wire } from "./wire.ts";

const protocols = ["binary", "compact", "json"] as const;
const framings = ["header", "framed", "buffered"] as const;
const dialects = fc.record({ protocol: fc.constantFrom(...protocols), framing: fc.constantFrom(...framings) });
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const word = fc.string({ unit: "grapheme", maxLength: 300 });
const { codec } = Zoo.methods.feed;

const animal = fc.record({
  name: word,
  weight: fc.option(i64),
  flags: fc.array(fc.boolean(), { maxLength: 40 }),
  tags: fc.uniqueArray(word, { maxLength: 5 }),
  days: fc.dictionary(i64.map(String), word, { maxKeys: 5, noNullPrototype: true }),
  blob: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  // The runtime has no minus zero in compact.
  size: fc.double().map((number) => number + 0),
  small: fc.integer({ min: -128, max: 127 }),
  short: fc.integer({ min: -32_768, max: 32_767 }),
  alive: fc.boolean(),
});

/** Reads as a server does. */
function reader(seen: unknown[]) {
  return (frame: NonNullable<ReturnType<typeof findFrame>>): true => {
    const input = protocolInput(frame.protocol, frame.bytes);
    const { fname, rseqid } = input.readMessageBegin();
    input.big = true;
    const { args } = codec.readCall(input, rseqid, protocolOutput(frame.protocol, new ByteOutput()));
    seen.push({ fname, rseqid, args, headers: Object.fromEntries(frame.headers) });
    return true;
  };
}

function readAll(inbox: Inbox): string {
  try {
    while (inbox.next(reader([])) !== undefined);
    return "read or refused";
  } catch (error) {
    return error instanceof Error ? "read or refused" : "broken";
  }
}

describe("calls of any values", { timeout: 60_000 }, () => {
  it("are read as they were written, in whatever pieces they come", () => {
    const headers = fc.dictionary(
      fc.string({ minLength: 1 }).map((name) => name.toLowerCase()),
      word,
      { maxKeys: 4, noNullPrototype: true },
    );
    const calls = fc.array(fc.record({ dialect: dialects, animal, amounts: fc.array(i64), headers }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(calls, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), (list, cuts) => {
        const output = new ByteOutput();
        for (const [id, { dialect, animal: given, amounts, headers: sent }] of list.entries()) {
          const args = { animal: given, amounts, colour: 2 };
          writeFrame(output, dialect, id, sent, () =>
            codec.writeCall(protocolOutput(dialect.protocol, output), id, args),
          );
        }
        const bytes = output.take();
        const places = [...new Set(cuts.map((cut) => cut % bytes.length)), bytes.length].toSorted((a, b) => a - b);
        const inbox = new Inbox(16_384_000);
        const seen: any[] = [];
        const read = reader(seen);
        let start = 0;
        for (const end of places) {
          if (end > start) inbox.push(bytes.subarray(start, end));
          start = end;
          while (inbox.next(read) !== undefined);
        }
        expect(seen).toHaveLength(list.length);
        for (const [id, { dialect, animal: given, amounts, headers: sent }] of list.entries()) {
          const { fname, rseqid, args, headers: got } = seen[id];
          expect({ fname, rseqid, got }).toEqual({
            fname: "feed",
            rseqid: id,
            got: dialect.framing === "header" ? sent : {},
          });
          expect(args.amounts).toEqual(amounts);
          expect({ ...args.animal }).toMatchObject(given);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("what is no call", { timeout: 60_000 }, () => {
  const heads = fc.constantFrom<number[]>(
    [],
    [0x80, 1, 0, 1],
    [0x82, 0x21],
    [0x5b, 0x31, 0x2c],
    [0, 0, 0, 40, 0x80, 1, 0, 1],
    [0, 0, 0, 40, 0x0f, 0xff],
  );

  it("is refused or waited for, whatever the bytes", () => {
    fc.assert(
      fc.property(heads, fc.uint8Array({ maxLength: 200 }), (head, rest) => {
        const inbox = new Inbox(1_000);
        inbox.push(Buffer.from([...head, ...rest]));
        expect(readAll(inbox)).toBe("read or refused");
      }),
      { numRuns: 3_000 },
    );
  });

  it("is refused or read when a few bytes of a good call are others, and costs little memory and time", () => {
    fc.assert(
      fc.property(
        dialects,
        animal,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        (dialect, given, changes) => {
          const output = new ByteOutput();
          const args = { animal: given, amounts: [1n], colour: 1 };
          writeFrame(output, dialect, 1, { a: "b" }, () =>
            codec.writeCall(protocolOutput(dialect.protocol, output), 1, args),
          );
          const bytes = Buffer.from(output.take());
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const inbox = new Inbox(100_000);
          inbox.push(bytes);
          expect(readAll(inbox)).toBe("read or refused");
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("never ends a server", async () => {
    const { port, address } = await serving(serveAdd());
    await fc.assert(
      fc.asyncProperty(heads, fc.uint8Array({ maxLength: 100 }), async (head, rest) => {
        const peer = await wire(port);
        peer.socket.end(Buffer.from([...head, ...rest]));
        await peer.all();
      }),
      { numRuns: 100 },
    );
    await using client = connectThrift(Add, { address });
    expect((await client.Sum({ a: 1, b: 2 }, background)).value).toBe(3);
  });

  it("has a code of ours at a server that reads it alone", async () => {
    const heard: unknown[] = [];
    const { port } = await serving(serveAdd({ onError: (error) => heard.push(error) }));
    const bytes = framed(binary("Sum", type.call, 1, sumArgs(1, 2)));
    for (let at = 0; at < bytes.length; at++) {
      const peer = await wire(port);
      const broken = Buffer.from(bytes);
      broken[at]! ^= 0xff;
      peer.socket.end(broken);
      await peer.all();
    }
    expect(heard.length).toBeGreaterThan(0);
    for (const error of heard)
      expect(["invalid_argument", "resource_exhausted", "unimplemented", "canceled", "out_of_range"]).toContain(
        codeOf(error),
      );
  });
});

describe("an input", () => {
  it("gives no byte twice and none beyond its end", () => {
    const input = new ByteInput(Buffer.from([1, 2, 3, 4, 5]), 1, 4);
    expect([input.readByte(), input.readI16()]).toEqual([2, 0x0304]);
    expect(() => input.readByte()).toThrow(Underrun);
    expect(() => new ByteInput(Buffer.alloc(4)).bound(-1)).toThrow(KitError);
    expect(() => new ByteInput(Buffer.alloc(9).fill(0xff)).readVarint()).toThrow("a number that does not end");
  });
});
