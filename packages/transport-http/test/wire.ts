import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { onTestFinished } from "vitest";

/** A caller that writes bytes of its own choosing. */
export interface Wire {
  readonly socket: Socket;
  send(bytes: string | Uint8Array): void;
  /** What has come, a character for each byte, once it fits; rejects when the connection ends before. */
  until(pattern: RegExp): Promise<string>;
  /** All that came, once the server has closed the connection. */
  all(): Promise<string>;
}

export async function wire(port: number): Promise<Wire> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  onTestFinished(() => void socket.destroy());
  let got = "";
  // One that is reset in the middle of its request is closed like any other.
  socket.on("error", () => {}).on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await once(socket, "connect");
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    async until(pattern) {
      while (!pattern.test(got)) {
        if (socket.destroyed) throw new Error(`closed after: ${JSON.stringify(got)}`);
        await Promise.race([once(socket, "data"), closed]);
      }
      return got;
    },
    async all() {
      await closed;
      return got;
    },
  };
}

/** What a server answers to these bytes before it closes the connection. */
export async function answerTo(port: number, bytes: string | Uint8Array): Promise<string> {
  const caller = await wire(port);
  caller.send(bytes);
  return caller.all();
}

/** A request as text, which asks for the connection to be closed. */
export function request(line: string, headers: readonly string[] = [], body = ""): string {
  const length = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`${line} HTTP/1.1`, "Host: test", "Connection: close", ...length, ...headers, "", body].join("\r\n");
}

/** Status and body of an answer as text. */
export function parsed(answer: string): { readonly status: number; readonly body: string } {
  const [head = "", ...body] = answer.split("\r\n\r\n");
  return { status: Number(head.split(" ", 2)[1]), body: Buffer.from(body.join("\r\n\r\n"), "latin1").toString() };
}
