import { refusal } from "@kit/endpoint";
import type { OutgoingHeaders } from "@kit/transport";
import { ByteInput } from "./byte-input.ts";
import type { ByteOutput } from "./byte-output.ts";
import type { ThriftProtocol } from "./protocol.ts";

/** What is around a message: its length (`framed`), length and headers (`header`, known as THeader), or nothing (`buffered`). */
export type ThriftFraming = "header" | "framed" | "buffered";

/** How a peer speaks. */
export interface Dialect {
  readonly framing: ThriftFraming;
  readonly protocol: ThriftProtocol;
}

/** One message of a connection, before its values are read. */
export interface Frame extends Dialect {
  readonly bytes: ByteInput;
  /** By lower-case name; none but with `header`. */
  readonly headers: ReadonlyMap<string, string>;
}

const noHeaders: ReadonlyMap<string, string> = new Map();

/** @see https://github.com/apache/thrift/blob/master/doc/specs/HeaderFormat.md */
const headerMagic = 0x0fff;
const headerProtocols: readonly (ThriftProtocol | undefined)[] = ["binary", "json", "compact"];
const keyValueInfo = 1;
const mostHeaderWords = 0x7fff;

/**
 * Finds out what begins at `start`, whatever the peer speaks; each protocol's first byte is its own, and no length within the limit begins with any of them.
 *
 * @returns `undefined` while too little of it is there.
 * @throws {KitError} `invalid_argument` for what is no Thrift, `resource_exhausted` for a frame over the limit.
 */
export function findFrame(bytes: Buffer, start: number, end: number, maxBytes: number): Frame | undefined {
  if (end - start < 4) return undefined;
  const bare = protocolAt(bytes, start);
  if (bare !== undefined) {
    const unframed = { framing: "buffered", protocol: bare, headers: noHeaders } as const;
    return { ...unframed, bytes: new ByteInput(bytes, start, end) };
  }
  const length = bytes.readUInt32BE(start);
  if (length > maxBytes) throw refusal("resource_exhausted", `thrift: a frame of ${length} bytes, over ${maxBytes}`);
  if (length < 4) throw notThrift();
  const body = start + 4;
  if (end - start < 6) return undefined;
  const framed = protocolAt(bytes, body);
  const withHeaders = bytes.readUInt16BE(body) === headerMagic;
  if (framed === undefined && !withHeaders) throw notThrift();
  if (end - body < length) return undefined;
  const input = new ByteInput(bytes, body, body + length);
  return withHeaders ? readHeaders(input) : { framing: "framed", protocol: framed!, bytes: input, headers: noHeaders };
}

function protocolAt(bytes: Buffer, at: number): ThriftProtocol | undefined {
  const first = bytes[at];
  if (first === 0x80 && bytes[at + 1] === 1) return "binary";
  if (first === 0x82) return "compact";
  return first === 0x5b ? "json" : undefined;
}

function notThrift(): Error {
  return refusal("invalid_argument", "thrift: not a message in binary, compact or JSON");
}

function readHeaders(bytes: ByteInput): Frame {
  bytes.take(2 + 2 + 4);
  const length = 4 * (bytes.readI16() & 0xffff);
  const start = bytes.take(length);
  const section = new ByteInput(bytes.bytes, start, start + length);
  const protocol = headerProtocols[section.readVarint()];
  if (protocol === undefined) throw notThrift();
  if (section.readVarint() > 0) throw refusal("unimplemented", "thrift: transforms of THeader, such as zlib");
  const headers = new Map<string, string>();
  // What other kinds of information hold is unknown, and so is where they end.
  while (section.position < section.end && section.readVarint() === keyValueInfo) {
    for (let left = section.readVarint(); left > 0; left--) {
      const name = section.readVarString();
      headers.set(name.toLowerCase(), section.readVarString());
    }
  }
  return { framing: "header", protocol, bytes, headers };
}

/**
 * Writes a message with what belongs around it.
 *
 * @returns its length.
 * @throws what `write` does, and then nothing is left of it.
 */
export function writeFrame(
  output: ByteOutput,
  { framing, protocol }: Dialect,
  id: number,
  headers: OutgoingHeaders,
  write: () => void,
): number {
  const start = output.length;
  try {
    if (framing !== "buffered") output.writeI32(0);
    if (framing === "header") writeHeaders(output, protocol, id, headers);
    write();
  } catch (error) {
    output.length = start;
    throw error;
  }
  const length = output.length - start;
  if (framing !== "buffered") output.setI32(start, length - 4);
  return length;
}

function writeHeaders(output: ByteOutput, protocol: ThriftProtocol, id: number, headers: OutgoingHeaders): void {
  output.writeI16(headerMagic);
  output.writeI16(0);
  output.writeI32(id);
  const size = output.length;
  output.writeI16(0);
  const start = output.length;
  output.writeVarint(headerProtocols.indexOf(protocol));
  output.writeVarint(0);
  const names = Object.keys(headers);
  if (names.length > 0) {
    output.writeVarint(keyValueInfo);
    output.writeVarint(names.length);
    for (const name of names) {
      const value = headers[name]!;
      output.writeVarString(name);
      output.writeVarString(typeof value === "string" ? value : value.join(", "));
    }
  }
  while ((output.length - start) % 4 !== 0) output.writeByte(0);
  const words = (output.length - start) / 4;
  if (words > mostHeaderWords) throw refusal("invalid_argument", "thrift: the headers are longer than THeader can say");
  output.setI16(size, words);
}
