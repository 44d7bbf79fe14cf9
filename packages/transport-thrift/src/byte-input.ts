import { refusal } from "@kit/endpoint";

/** What is read is not there: not yet, where messages have no frames. */
export class Underrun extends Error {
  constructor() {
    super("the message ends too early");
  }
}

/** Bytes that a protocol reads from, by the names that the runtime's protocols use. */
export class ByteInput {
  readonly bytes: Buffer;
  position: number;
  readonly end: number;

  constructor(bytes: Buffer, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** Where the next `length` bytes begin; they are then behind. */
  take(length: number): number {
    const { position } = this;
    if (position + length > this.end) throw outOfBytes();
    this.position = position + length;
    return position;
  }

  /** Refuses a count of elements, each of at least one byte, that cannot be there: what would be allocated and looped for it is then bounded. */
  bound(size: number): void {
    if (size < 0) throw refusal("invalid_argument", "thrift: a negative size");
    if (this.position + size > this.end) throw outOfBytes();
  }

  read(length: number): Buffer {
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  readString(length: number): string {
    const start = this.take(length);
    return this.bytes.toString("utf8", start, start + length);
  }

  readByte(): number {
    return this.bytes.readInt8(this.take(1));
  }

  readI16(): number {
    return this.bytes.readInt16BE(this.take(2));
  }

  readI32(): number {
    return this.bytes.readInt32BE(this.take(4));
  }

  readDouble(): number {
    return this.bytes.readDoubleBE(this.take(8));
  }

  /** As THeader and the compact protocol write lengths. */
  readVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.take(1)]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw refusal("invalid_argument", "thrift: a number that does not end");
  }

  readVarString(): string {
    return this.readString(this.readVarint());
  }
}

/** Without a stack, which would cost more than reading again. */
function outOfBytes(): Underrun {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new Underrun();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
