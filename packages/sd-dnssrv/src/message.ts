import { randomInt } from "node:crypto";
import { Packet, type Resource } from "dns2";
import { boundedReader } from "./bounded-reader.ts";

/** One question for the SRV records of a name. */
export interface Query {
  readonly id: number;
  /** In lower case, without a trailing dot. */
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Answer {
  readonly rcode: number;
  /** Whether the rest must be asked for over TCP; then there are no records here. */
  readonly truncated: boolean;
  /** Whether the server speaks for the name itself. */
  readonly authoritative: boolean;
  readonly answers: readonly Resource[];
  readonly authorities: readonly Resource[];
}

/** The least bytes that a question and a record take. */
const [questionBytes, recordBytes, headerBytes] = [5, 11, 12];

export function newQuery(name: string): Query {
  const packet = new Packet();
  const id = randomInt(2 ** 16);
  Object.assign(packet.header, { id, rd: 1 });
  packet.questions.push({ name, type: Packet.TYPE.SRV, class: Packet.CLASS.IN } as (typeof packet.questions)[number]);
  return { id, name, bytes: packet.toBuffer() };
}

/**
 * Reads what came back for a query: the sections that count here, the additional one is left alone.
 *
 * The driver's own `parse` leaves out what it cannot read and goes on with the next, so that a broken list looks like a shorter one; and it tries so up to
 * 262 140 times for a message of 12 bytes.
 *
 * @throws {Error} when it is no answer to the query.
 */
export function readAnswer(bytes: Buffer, query: Query): Answer {
  // First what needs no decoding: most of what others send ends here.
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== query.id) throw new Error("another message");
  const reader = boundedReader(bytes);
  const header = Packet.Header.parse(reader);
  const { qr, opcode, tc, aa, rcode, qdcount, ancount, nscount } = header;
  if (qr !== 1 || opcode !== 0 || qdcount !== 1) throw new Error("no answer to a question");
  const { name, type, class: cls } = Packet.Question.parse(reader);
  if (name.toLowerCase() !== query.name || type !== Packet.TYPE.SRV || cls !== Packet.CLASS.IN) {
    throw new Error("an answer to another question");
  }
  const truncated = tc === 1;
  const counts = truncated ? [0, 0] : [ancount, nscount];
  if (headerBytes + questionBytes + recordBytes * (counts[0]! + counts[1]!) > bytes.length)
    throw new Error("too short");
  const [answers, authorities] = counts.map((length) => Array.from({ length }, () => Packet.Resource.parse(reader)));
  return { rcode, truncated, authoritative: aa === 1, answers: answers!, authorities: authorities! };
}
