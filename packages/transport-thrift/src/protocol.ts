import { refusal } from "@kit/endpoint";
import thrift from "thrift";
import type { ByteInput } from "./byte-input.ts";
import type { ByteOutput } from "./byte-output.ts";

/** How values are written. */
export type ThriftProtocol = "binary" | "compact" | "json";

/** The message types of every protocol. */
export const messageType = { call: 1, reply: 2, exception: 3, oneway: 4 } as const;

/** The head of a message, as generated code knows it. */
interface MessageHead {
  readonly fname: string;
  readonly mtype: number;
  readonly rseqid: number;
}

/** What generated code reads from; the rest of it is between that code and the runtime. */
export interface ProtocolInput {
  /** Whether an i64 is read as a bigint. */
  big: boolean;
  readMessageBegin(): MessageHead;
  skip(type: number): void;
}

/** What generated code writes to. */
export interface ProtocolOutput {
  /** The type of the message that was begun last. */
  messageType: number;
  writeMessageBegin(name: string, type: number, id: number): void;
  writeMessageEnd(): void;
}

interface Container {
  readonly size: number;
}

// The runtime's types are of another version than the runtime, and know nothing of what a subclass may touch.
const { TBinaryProtocol, TCompactProtocol, TJSONProtocol, fromBigInt } = thrift as unknown as Record<string, any>;

/** The i64 that any of its forms means: a number, a bigint, digits (the keys of a map) or the runtime's own Int64. @throws {RangeError} what no i64 can hold. */
function toBig(value: unknown): bigint {
  const big = isInt64(value) ? value.buffer.readBigInt64BE(value.offset) : BigInt(value as number);
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new RangeError(`${value} is no exact i64`);
  if (BigInt.asIntN(64, big) !== big) throw new RangeError(`${big} is no i64`);
  return big;
}

/** Of any copy of node-int64. */
function isInt64(value: unknown): value is { readonly buffer: Buffer; readonly offset: number } {
  return typeof value === "object" && value !== null && "buffer" in value;
}

function fromBig(value: bigint, big: boolean): bigint | number {
  if (big) return value;
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw refusal("out_of_range", `thrift: the i64 ${value} is no exact number; read it with i64: "bigint"`);
  return number;
}

/** What one protocol does differently from the runtime's: it refuses what cannot be, and its i64 are numbers or bigints. */
class BinaryInput extends TBinaryProtocol {
  declare readonly trans: ByteInput;
  big = false;

  constructor(bytes: ByteInput) {
    super(bytes, true, true);
  }

  readI64(): bigint | number {
    const { trans, big } = this;
    const at = trans.take(8);
    if (big) return trans.bytes.readBigInt64BE(at);
    const number = trans.bytes.readInt32BE(at) * 2 ** 32 + trans.bytes.readUInt32BE(at + 4);
    return Number.isSafeInteger(number) ? number : fromBig(trans.bytes.readBigInt64BE(at), big);
  }

  readMapBegin(): Container {
    return bounded(super.readMapBegin(), this.trans);
  }

  readListBegin(): Container {
    return bounded(super.readListBegin(), this.trans);
  }

  readSetBegin(): Container {
    return bounded(super.readSetBegin(), this.trans);
  }
}

class BinaryOutput extends TBinaryProtocol {
  declare readonly trans: ByteOutput;
  messageType = 0;

  constructor(bytes: ByteOutput) {
    super(bytes, true, true);
  }

  writeMessageBegin(name: string, type: number, id: number): void {
    this.messageType = type;
    this.trans.writeI32(-2147418112 | type);
    this.trans.writeLongString(name);
    this.trans.writeI32(id);
  }

  writeMessageEnd(): void {}

  writeFieldBegin(_name: string, type: number, id: number): void {
    this.trans.writeByte(type);
    this.trans.writeI16(id);
  }

  writeFieldStop(): void {
    this.trans.writeByte(0);
  }

  writeByte(value: number): void {
    this.trans.writeByte(value);
  }

  writeI16(value: number): void {
    this.trans.writeI16(value);
  }

  writeI32(value: number): void {
    this.trans.writeI32(value);
  }

  writeI64(value: unknown): void {
    if (typeof value === "number" && Number.isSafeInteger(value)) {
      // Without a bigint, which would be the dearest part of it.
      this.trans.writeI32(Math.floor(value / 2 ** 32));
      this.trans.writeI32(value);
    } else {
      this.trans.writeI64(toBig(value));
    }
  }

  writeDouble(value: number): void {
    this.trans.writeDouble(value);
  }

  writeString(value: unknown): void {
    if (typeof value === "string") this.trans.writeLongString(value);
    else super.writeString(value);
  }
}

class CompactInput extends TCompactProtocol {
  declare readonly trans: ByteInput;
  big = false;

  readI64(): bigint | number {
    const { buffer, offset } = super.readI64() as { buffer: Buffer; offset: number };
    return fromBig(buffer.readBigInt64BE(offset), this.big);
  }

  /** The runtime's own is always false in a list. */
  readBool(): boolean {
    return this["boolValue_"].hasBoolValue ? super.readBool() : this.trans.readByte() === 1;
  }

  readMapBegin(): Container {
    return bounded(super.readMapBegin(), this.trans);
  }

  /** A set's beginning is read by it as well. */
  readListBegin(): Container {
    return bounded(super.readListBegin(), this.trans);
  }
}

class CompactOutput extends TCompactProtocol {
  messageType = 0;

  writeMessageBegin(name: string, type: number, id: number): void {
    this.messageType = type;
    super.writeMessageBegin(name, type, id);
  }

  writeI64(value: unknown): void {
    super.writeI64(fromBigInt(toBig(value)));
  }
}

/** Only in these the runtime's parser and `JSON.parse` differ: it keeps the digits of an i64 that no number holds. */
const longDigits = /\d{16}/;
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

class JsonInput extends TJSONProtocol {
  declare readonly trans: ByteInput;
  declare robj: unknown[];
  declare rstack: unknown[];
  declare rpos: number[];
  big = false;

  /** The runtime's own parser loops for ever over a key `__proto__`. */
  readMessageBegin(): MessageHead {
    const { trans } = this;
    let text = trans.readString(trans.end - trans.position);
    if (longDigits.test(text))
      text = text.replace(tokens, (token) => (/^-?\d{16,}$/.test(token) ? `"${token}"` : token));
    const [version, fname, mtype, rseqid, body] = JSON.parse(text) as unknown[];
    if (version !== 1) throw refusal("invalid_argument", "thrift: a version of JSON that is not 1");
    if (typeof fname !== "string" || !Number.isInteger(mtype) || !Number.isInteger(rseqid))
      throw refusal("invalid_argument", "thrift: no head of a message");
    this.rstack = [body];
    this.rpos = [];
    return { fname, mtype: mtype as number, rseqid: rseqid as number };
  }

  readI32(): number {
    const value = this["readValue"]() as unknown;
    const number = typeof value === "string" && value !== "" ? Number(value) : value;
    if (typeof number !== "number") throw refusal("invalid_argument", "thrift: no number where one is due");
    return number;
  }

  readI64(): bigint | number {
    const value = this["readValue"]() as unknown;
    return typeof value === "number" && !this.big ? value : fromBig(toBig(value), this.big);
  }

  readString(): string {
    const value = this["readValue"]() as unknown;
    if (typeof value !== "string") throw refusal("invalid_argument", "thrift: no text where some is due");
    return value;
  }

  readBinary(): Buffer {
    return Buffer.from(this.readString(), "base64");
  }

  readMapBegin(): Container {
    return within(super.readMapBegin(), this.trans);
  }

  readListBegin(): Container {
    return within(super.readListBegin(), this.trans);
  }
}

class JsonOutput extends TJSONProtocol {
  declare readonly tstack: unknown[];
  messageType = 0;

  writeMessageBegin(name: string, type: number, id: number): void {
    this.messageType = type;
    super.writeMessageBegin(name, type, id);
  }

  writeI64(value: unknown): void {
    this.tstack.push(toBig(value).toString());
  }

  /** As the protocol says those that JSON has no word for. */
  writeDouble(value: number): void {
    this.tstack.push(Number.isFinite(value) ? value : `"${value}"`);
  }

  /** The runtime's own leaves control characters as they are, which is no JSON. */
  writeString(value: unknown): void {
    if (typeof value === "string") this.tstack.push(JSON.stringify(value));
    else super.writeString(value);
  }
}

function bounded(container: Container, bytes: ByteInput): Container {
  bytes.bound(container.size);
  return container;
}

/** As {@link bounded}, where all of the text has been read already. */
function within(container: Container, { end }: ByteInput): Container {
  const { size } = container;
  if (!(Number.isInteger(size) && size >= 0 && size <= end))
    throw refusal("invalid_argument", "thrift: a size that cannot be");
  return container;
}

const inputs = { binary: BinaryInput, compact: CompactInput, json: JsonInput };
const outputs = { binary: BinaryOutput, compact: CompactOutput, json: JsonOutput };

export function protocolInput(protocol: ThriftProtocol, bytes: ByteInput): ProtocolInput {
  return new inputs[protocol](bytes) as unknown as ProtocolInput;
}

export function protocolOutput(protocol: ThriftProtocol, bytes: ByteOutput): ProtocolOutput {
  return new outputs[protocol](bytes) as unknown as ProtocolOutput;
}
