import { execFile } from "node:child_process";
import { constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";

/** Where a process's log goes: a pipe that is emptied, but for when it is not. */
export interface LogSink extends Disposable {
  readonly path: string;
  clog(): void;
  flow(): void;
}

export async function logSink(path: string): Promise<LogSink> {
  await promisify(execFile)("mkfifo", [path]);
  // Open for writing as well, so that it is there before a writer is, and does not end with one.
  const lines = new Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK), readable: true });
  lines.on("data", () => {});
  return {
    path,
    clog: () => void lines.pause(),
    flow: () => void lines.resume(),
    [Symbol.dispose]: () => void lines.destroy(),
  };
}
