import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished, vi } from "vitest";

/** Message types, as the protocols number them. */
export const type = { call: 1, reply: 2, exception: 3, oneway: 4 } as const;

export function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** A message in strict binary, made by hand; its struct is empty unless there is a body. */
export function binary(name: string, kind: number, id: number, body: Buffer = Buffer.from([0])): Buffer {
  return Buffer.concat([Buffer.from([0x80, 1, 0, kind]), i32(name.length), Buffer.from(name), i32(id), body]);
}

export function framed(message: Buffer): Buffer {
  return Buffer.concat([i32(message.length), message]);
}

/** `SumReply` with that value, as the success of a reply. */
export function sumReply(value: number): Buffer {
  return Buffer.concat([Buffer.from([12, 0, 0, 10, 0, 1]), i32(0), i32(value), Buffer.from([0, 0])]);
}

/** Arguments of `Sum`. */
export function sumArgs(a: number, b: number): Buffer {
  return Buffer.concat([
    Buffer.from([10, 0, 1]),
    i32(0),
    i32(a),
    Buffer.from([10, 0, 2]),
    i32(0),
    i32(b),
    Buffer.from([0]),
  ]);
}

export interface Wire {
  readonly socket: Socket;
  send(bytes: Buffer | string): void;
  /** All that came so far, once it is so long. */
  received(length: number): Promise<Buffer>;
  /** All that came, once the server has closed. */
  all(): Promise<Buffer>;
}

/** A connection by hand. */
export async function wire(port: number): Promise<Wire> {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  onTestFinished(() => void socket.destroy());
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  const closed = new Promise<void>((resolve) => void socket.on("close", () => resolve()));
  await once(socket, "connect");
  return {
    socket,
    send: (message) => void socket.write(message),
    async received(length) {
      await vi.waitUntil(() => bytes.length >= length, { timeout: 10_000, interval: 1 });
      return bytes;
    },
    async all() {
      await closed;
      return bytes;
    },
  };
}
