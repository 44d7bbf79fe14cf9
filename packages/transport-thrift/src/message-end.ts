import { refusal } from "@kit/endpoint";
import type { ThriftProtocol } from "./protocol.ts";

/** Finds where a message that comes in pieces and without a frame ends, looking at each byte once. */
export interface MessageEnd {
  /** So much of the message is known to be there or to come, in bytes. */
  readonly length: number;
  /** @returns the end of the message that begins at `start`, or `undefined` while it is not there. */
  find(bytes: Buffer, start: number, end: number): number | undefined;
}

export function messageEnd(protocol: ThriftProtocol): MessageEnd {
  if (protocol === "json") return new JsonEnd();
  return new Walk(protocol === "binary" ? binaryMessage : compactMessage);
}

class JsonEnd implements MessageEnd {
  length = 0;
  #depth = 0;
  #quoted = false;
  #escaped = false;

  find(bytes: Buffer, start: number, end: number): number | undefined {
    for (let at = start + this.length; at < end; at++) {
      const byte = bytes[at];
      if (this.#escaped) this.#escaped = false;
      else if (this.#quoted && byte === 0x5c) this.#escaped = true;
      else if (byte === 0x22) this.#quoted = !this.#quoted;
      else if (!this.#quoted && byte === 0x5b) this.#depth++;
      else if (!this.#quoted && byte === 0x5d && --this.#depth === 0) return at + 1;
    }
    this.length = end - start;
    return undefined;
  }
}

/** A walk over types and lengths that stops where bytes are missing. */
class Walk implements MessageEnd {
  /** How far it has come; beyond what is there when that is only to be passed. */
  length = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  readonly #steps: Generator<void, void>;

  constructor(message: (walk: Walk) => Generator<void, void>) {
    this.#steps = message(this);
  }

  find(bytes: Buffer, start: number, end: number): number | undefined {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    const { done } = this.#steps.next();
    return done && start + this.length <= end ? start + this.length : undefined;
  }

  /** Whether the next so many bytes are missing. */
  lacks(count: number): boolean {
    return this.#start + this.length + count > this.#end;
  }

  pass(count: number): void {
    this.length += count;
  }

  byte(): number {
    return this.#bytes[this.#start + this.length++]!;
  }

  i32(): number {
    const value = this.#bytes.readInt32BE(this.#start + this.length);
    this.length += 4;
    return value;
  }
}

/** As deep as the runtime reads; and to go on in the depth costs more than at the top. */
const mostDepth = 64;

const structType = 12;
/** By type, what values of a fixed length take. */
const binaryWidths: Readonly<Record<number, number>> = { 2: 1, 3: 1, 4: 8, 6: 2, 8: 4, 10: 8, 16: 16 };
const compactWidths: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 1, 7: 8, 13: 16 };

function* binaryMessage(walk: Walk): Generator<void, void> {
  while (walk.lacks(4)) yield;
  walk.i32();
  yield* binaryValue(walk, 11, 0);
  walk.pass(4);
  yield* binaryValue(walk, structType, 0);
}

function* binaryValue(walk: Walk, type: number, depth: number): Generator<void, void> {
  const width = binaryWidths[type];
  if (width !== undefined) {
    walk.pass(width);
  } else if (type === 11) {
    while (walk.lacks(4)) yield;
    walk.pass(sizeOf(walk.i32()));
  } else if (type === structType) {
    for (;;) {
      while (walk.lacks(1)) yield;
      const field = walk.byte();
      if (field === 0) return;
      walk.pass(2);
      yield* binaryValue(walk, field, deeper(depth));
    }
  } else if (type >= 13 && type <= 15) {
    const types = type === 13 ? 2 : 1;
    while (walk.lacks(types + 4)) yield;
    const elements = Array.from({ length: types }, () => walk.byte());
    yield* all(walk, elements, sizeOf(walk.i32()), binaryWidths, binaryValue, deeper(depth));
  } else {
    throw unknownType(type);
  }
}

function* compactMessage(walk: Walk): Generator<void, void> {
  while (walk.lacks(2)) yield;
  walk.pass(2);
  yield* varint(walk);
  yield* compactValue(walk, 8, 0);
  yield* compactValue(walk, structType, 0);
}

function* compactValue(walk: Walk, type: number, depth: number): Generator<void, void> {
  const width = compactWidths[type];
  if (width !== undefined) {
    walk.pass(width);
  } else if (type >= 4 && type <= 6) {
    yield* varint(walk);
  } else if (type === 8) {
    walk.pass(sizeOf(yield* varint(walk)));
  } else if (type === structType) {
    for (;;) {
      while (walk.lacks(1)) yield;
      const field = walk.byte();
      if (field === 0) return;
      if (field >> 4 === 0) yield* varint(walk);
      // A bool is in its field's type.
      if ((field & 15) > 2) yield* compactValue(walk, field & 15, deeper(depth));
    }
  } else if (type === 9 || type === 10) {
    while (walk.lacks(1)) yield;
    const head = walk.byte();
    const size = head >> 4 === 15 ? yield* varint(walk) : head >> 4;
    yield* all(walk, [head & 15], sizeOf(size), compactWidths, compactValue, deeper(depth));
  } else if (type === 11) {
    const size = sizeOf(yield* varint(walk));
    if (size === 0) return;
    while (walk.lacks(1)) yield;
    const types = walk.byte();
    yield* all(walk, [types >> 4, types & 15], size, compactWidths, compactValue, deeper(depth));
  } else {
    throw unknownType(type);
  }
}

/** Passes the elements of a container, at once where their length is known. */
function* all(
  walk: Walk,
  types: readonly number[],
  size: number,
  widths: Readonly<Record<number, number>>,
  value: typeof binaryValue,
  depth: number,
): Generator<void, void> {
  const width = types.reduce((sum, type) => sum + (widths[type] ?? NaN), 0);
  if (width > 0) {
    walk.pass(size * width);
    return;
  }
  for (let left = size; left > 0; left--) {
    for (const type of types) {
      // None is empty, so a count that cannot be is found out before it costs anything.
      while (walk.lacks(1)) yield;
      yield* value(walk, type, depth);
    }
  }
}

function* varint(walk: Walk): Generator<void, number> {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    while (walk.lacks(1)) yield;
    const byte = walk.byte();
    if (shift < 32) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw refusal("invalid_argument", "thrift: a number that does not end");
}

function sizeOf(size: number): number {
  if (size < 0) throw refusal("invalid_argument", "thrift: a negative size");
  return size;
}

function deeper(depth: number): number {
  if (depth >= mostDepth) throw refusal("invalid_argument", `thrift: values within more than ${mostDepth} others`);
  return depth + 1;
}

function unknownType(type: number): Error {
  return refusal("invalid_argument", `thrift: no type ${type}`);
}
