import { refusal } from "@kit/endpoint";
import { ByteInput, Underrun } from "./byte-input.ts";
import { findFrame, type Frame } from "./frame.ts";
import { JsonEnd } from "./json-end.ts";

/** What has arrived on a connection and is not read yet; at most one message more than the limit. */
export class Inbox {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** So much must be there before it makes sense to look again. */
  #due = 0;
  #json: JsonEnd | undefined = undefined;

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
      this.#due -= this.#start;
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
    if (this.#end < this.#due || this.#start === this.#end) return undefined;
    const frame = this.#frame();
    if (frame === undefined) return undefined;
    const { bytes, framing } = frame;
    try {
      const message = read(frame);
      this.#start = framing === "buffered" ? bytes.position : bytes.end;
      this.#due = 0;
      return message;
    } catch (error) {
      if (!(error instanceof Underrun) || framing !== "buffered") throw error;
      this.#await(error.end);
      return undefined;
    }
  }

  #frame(): Frame | undefined {
    const frame = findFrame(this.#bytes, this.#start, this.#end, this.#maxBytes);
    if (frame?.framing !== "buffered" || frame.protocol !== "json") return frame;
    this.#json ??= new JsonEnd();
    const end = this.#json.find(this.#bytes, this.#start, this.#end);
    if (end === undefined) {
      this.#await(this.#end + 1);
      return undefined;
    }
    this.#json = undefined;
    return { ...frame, bytes: new ByteInput(this.#bytes, this.#start, end) };
  }

  #await(end: number): void {
    if (end - this.#start > this.#maxBytes)
      throw refusal("resource_exhausted", `thrift: a message of more than ${this.#maxBytes} bytes`);
    this.#due = end;
  }
}
