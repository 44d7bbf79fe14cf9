import { refusal } from "@kit/endpoint";
import { ByteInput, Underrun } from "./byte-input.ts";
import { findFrame, type Frame } from "./frame.ts";
import { type MessageEnd, messageEnd } from "./message-end.ts";

/** What has arrived on a connection and is not read yet; at most one message more than the limit. */
export class Inbox {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** Of a message without a frame that is not all there. */
  #awaited: MessageEnd | undefined = undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    if (this.#start === this.#end) {
      // Most messages come in one piece, which is then not copied.
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    const kept = this.#end - this.#start;
    const length = kept + chunk.length;
    if (this.#end + chunk.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * length, 65_536));
      this.#bytes.copy(larger, 0, this.#start, this.#end);
      this.#bytes = larger;
      this.#start = 0;
      this.#end = kept;
    }
    chunk.copy(this.#bytes, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next message, read by `read`, which must take all of it.
   *
   * @returns `undefined` while it is not all there.
   * @throws {KitError} when what is there can never be a message.
   */
  next<T>(read: (frame: Frame) => T): T | undefined {
    if (this.#start === this.#end) return undefined;
    const frame = findFrame(this.#bytes, this.#start, this.#end, this.#maxBytes);
    if (frame === undefined) return undefined;
    if (frame.framing !== "buffered") {
      const message = read(frame);
      this.#start = frame.bytes.end;
      return message;
    }
    // Whether all of it is there only reading tells, but that twice would be once too often.
    if (this.#awaited === undefined && frame.protocol !== "json") {
      try {
        const message = read(frame);
        this.#start = frame.bytes.position;
        return message;
      } catch (error) {
        if (!(error instanceof Underrun)) throw error;
      }
    }
    const end = this.#find(frame);
    if (end === undefined) return undefined;
    const message = read({ ...frame, bytes: new ByteInput(this.#bytes, this.#start, end) });
    this.#start = end;
    return message;
  }

  #find({ protocol }: Frame): number | undefined {
    this.#awaited ??= messageEnd(protocol);
    const end = this.#awaited.find(this.#bytes, this.#start, this.#end);
    if (Math.max(this.#awaited.length, (end ?? this.#end + 1) - this.#start) > this.#maxBytes)
      throw refusal("resource_exhausted", `thrift: a message of more than ${this.#maxBytes} bytes`);
    if (end !== undefined) this.#awaited = undefined;
    return end;
  }
}
