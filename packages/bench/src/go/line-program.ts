import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program that answers each line with one. */
export interface LineProgram {
  /** One question at a time. Rejects when the program ends before it has answered, or is silent for a minute. */
  ask(line: string): Promise<string>;
  /** Resolves when it has ended, whatever it was doing. */
  end(): Promise<void>;
}

/** Many times what an answer takes on the busiest machine. */
const silentMs = 60_000;

/** Starts one in a process of its own. What it writes to stderr is shown. */
export function lineProgram(file: string, args: readonly string[]): LineProgram {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  let failure = "ended too early";
  child.once("error", ({ message }) => (failure = message));
  // Whoever asks is told by the end of the program.
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout });
  const answers = lines[Symbol.asyncIterator]();
  // Its output has no end where it could not be started.
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  void ended.then(() => lines.close());

  return {
    async ask(line) {
      const silence = setTimeout(() => {
        failure = `is silent for ${silentMs} ms`;
        child.kill("SIGKILL");
      }, silentMs);
      child.stdin.write(`${line}\n`);
      const { value, done } = await answers.next();
      clearTimeout(silence);
      if (done) throw new Error(`${[file, ...args].join(" ")}: ${failure}`);
      return value;
    },
    async end() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
