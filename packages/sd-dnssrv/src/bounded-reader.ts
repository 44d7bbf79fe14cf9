import type { Reader } from "dns2";

/** How many bytes may be read for each byte of a message: a name that is only pointed at is read again, up to 255 bytes for the two of its pointer. */
const bytesPerByte = 32;

/**
 * What the driver decodes a message from in the place of its own reader. A name may point at names that point at names, and reading a crafted message of 64 kB so
 * would take minutes; here reading it fails after a multiple of its length.
 */
export function boundedReader(message: Buffer): Reader {
  let left = (message.length + 64) * bytesPerByte;
  return {
    /** In bits. */
    offset: 0,
    read(bits) {
      left -= bits / 8;
      if (left < 0) throw new RangeError("the message refers to itself too often");
      const { offset } = this;
      this.offset += bits;
      if (bits < 8) return (message.readUInt8(offset >> 3) >> (8 - bits - (offset & 7))) & ((1 << bits) - 1);
      return message.readUIntBE(offset >> 3, bits >> 3);
    },
  };
}
