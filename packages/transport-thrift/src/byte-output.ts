/** What a buffer begins with: room for a good many small messages. */
const firstBytes = 4_096;

/** Bytes that protocols write to, one message behind the other, until all are taken at once. */
export class ByteOutput {
  #bytes: Buffer = Buffer.allocUnsafe(firstBytes);
  length = 0;

  /** All that was written; what is written from now on goes elsewhere. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.length);
    this.#bytes = Buffer.allocUnsafe(Math.min(Math.max(firstBytes, this.length), 65_536));
    this.length = 0;
    return taken;
  }

  /** Room for so many bytes, and where it begins. */
  #grow(count: number): number {
    const at = this.length;
    const length = at + count;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.length = length;
    return at;
  }

  writeByte(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  writeI16(value: number): void {
    const at = this.#grow(2);
    this.#bytes[at] = value >> 8;
    this.#bytes[at + 1] = value;
  }

  writeI32(value: number): void {
    const at = this.#grow(4);
    this.setI32(at, value);
  }

  setI32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >> 24;
    bytes[at + 1] = value >> 16;
    bytes[at + 2] = value >> 8;
    bytes[at + 3] = value;
  }

  setI16(at: number, value: number): void {
    this.#bytes[at] = value >> 8;
    this.#bytes[at + 1] = value;
  }

  writeI64(value: bigint): void {
    const at = this.#grow(8);
    this.#bytes.writeBigInt64BE(value, at);
  }

  writeDouble(value: number): void {
    const at = this.#grow(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  writeVarint(value: number): void {
    let rest = value >>> 0;
    for (; rest >= 0x80; rest >>>= 7) this.writeByte((rest & 0x7f) | 0x80);
    this.writeByte(rest);
  }

  writeVarString(text: string): void {
    this.writeVarint(Buffer.byteLength(text));
    this.write(text);
  }

  /** A string behind its length in four bytes. */
  writeLongString(text: string): void {
    const at = this.length;
    // Most strings have as many bytes as characters; at worst three for each.
    this.#grow(4 + text.length);
    if (text.length < 24 && this.#ascii(text, at + 4)) {
      this.setI32(at, text.length);
      return;
    }
    this.length = at;
    this.writeI32(Buffer.byteLength(text));
    this.write(text);
  }

  /** Writes short text by hand: to call into the runtime for it would take longer. */
  #ascii(text: string, at: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      bytes[at + i] = unit;
    }
    return true;
  }

  /** What the runtime's own protocols call. */
  write(data: string | Uint8Array): void {
    if (typeof data === "string") {
      const at = this.#grow(Buffer.byteLength(data));
      this.#bytes.write(data, at, "utf8");
    } else {
      const at = this.#grow(data.length);
      this.#bytes.set(data, at);
    }
  }

  setCurrSeqId(): void {}
  flush(): void {}
}
