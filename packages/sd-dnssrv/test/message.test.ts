import fc from "fast-check";
import { Packet, type Resource } from "dns2";
import { describe, expect, it } from "vitest";
import { newQuery, type Query, readAnswer } from "../src/message.ts";
import { readRecords } from "../src/records.ts";

const query = newQuery("_a._tcp.x");

/** An answer with an alias, records and an SOA, as a server would give it. */
const genuine = ((): Buffer => {
  const packet = Packet.createResponseFromRequest(Packet.parse(query.bytes));
  const common = { class: Packet.CLASS.IN, ttl: 5 };
  packet.answers.push({ ...common, name: "_a._tcp.x", type: Packet.TYPE.CNAME, domain: "b.x" } as Resource);
  for (let port = 80; port < 90; port++) {
    const fields = { name: "b.x", type: Packet.TYPE.SRV, priority: 1, weight: port, port, target: "one.x" };
    packet.answers.push({ ...common, ...fields } as Resource);
  }
  return packet.toBuffer();
})();

/** What the instancer makes of a message. */
function outcome(bytes: Buffer, of: Query = query): "read" | "refused" | "mistaken" {
  try {
    const { instances, ttl } = readRecords(readAnswer(bytes, of), of.name);
    const isSane = instances.every(
      ({ address, weight = 1 }) => /^[\w.-]+:\d+$/.test(address) && weight >= 0 && Number.isFinite(weight),
    );
    return isSane && ttl >= 0 ? "read" : "mistaken";
  } catch (error) {
    return error instanceof Error ? "refused" : "mistaken";
  }
}

/** These bytes as an answer to the query, so that they are decoded at all. */
const answering = (bytes: Uint8Array, counts: readonly number[], of: Query = query): Buffer => {
  const message = Buffer.concat([of.bytes, bytes]);
  message[2]! |= 0x80;
  counts.forEach((count, n) => message.writeUInt16BE(count, 6 + 2 * n));
  return message;
};

describe("reading a message", () => {
  it("reads what a server says", () => {
    expect(outcome(genuine)).toBe("read");
    const { instances, ttl } = readRecords(readAnswer(genuine, query), query.name);
    expect([instances.length, instances[0], ttl]).toEqual([10, { address: "one.x:80", weight: 80 }, 5]);
  });

  it("comes to an end for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(outcome(Buffer.from(bytes))).toBe("refused");
      }),
    );
  });

  it("comes to an end for any bytes behind a genuine question, whatever is said of their number", () => {
    const count = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 65_535 }));
    const sections = fc.tuple(count, count, count);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), sections, (bytes, counts) => {
        expect(["read", "refused"]).toContain(outcome(answering(bytes, counts)));
      }),
      { numRuns: 500 },
    );
  });

  it("comes to an end for a genuine answer of which some bytes have changed", () => {
    const change = fc.tuple(fc.nat(genuine.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        const bytes = Buffer.from(genuine);
        for (const [at, value] of changes) bytes[at] = value;
        expect(["read", "refused"]).toContain(outcome(bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  it("takes no beginning of an answer for a shorter one", () => {
    for (let length = 0; length < genuine.length; length++)
      expect(outcome(genuine.subarray(0, length))).toBe("refused");
  });

  it("refuses a message whose names would take minutes to read", () => {
    // A chain of 8000 pointers, and 2400 records whose names begin at its end.
    const head = answering(Buffer.alloc(0), []).length;
    const chain = Buffer.alloc(12 + 16_000);
    const links = head + 12;
    chain.writeUInt16BE(0xc00c, 0);
    chain.writeUInt16BE(10, 2);
    chain.writeUInt16BE(16_000, 10);
    for (let n = 0; n < 8_000; n++) chain.writeUInt16BE(0xc000 | (n === 0 ? 12 : links + 2 * (n - 1)), 12 + 2 * n);
    const record = Buffer.alloc(20);
    for (const at of [0, 18]) record.writeUInt16BE(0xc000 | (links + 2 * 7_999), at);
    record.writeUInt16BE(Packet.TYPE.SRV, 2);
    record.writeUInt16BE(8, 10);
    const bytes = answering(Buffer.concat([chain, ...Array.from({ length: 2_400 }, () => record)]), [2_401]);
    expect(() => readAnswer(bytes, query)).toThrow("the message refers to itself too often");
  });

  it("reads the longest list that fits, of the longest names, which is not that", () => {
    const long = newQuery(`${"x".repeat(63)}.${"y".repeat(63)}.${"z".repeat(63)}.${"q".repeat(59)}`);
    const records = Array.from({ length: 3_000 }, (_, n) => {
      // The name is the question's, as owner and as target.
      const record = Buffer.from("c00c00210001000000010008000100010000c00c", "hex");
      record.writeUInt16BE(n + 1, 16);
      return record;
    });
    const bytes = answering(Buffer.concat(records), [records.length], long);
    expect(readRecords(readAnswer(bytes, long), long.name).instances).toHaveLength(3_000);
  });
});
