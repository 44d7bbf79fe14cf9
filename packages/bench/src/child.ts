import { fork } from "node:child_process";
import { once } from "node:events";

/** A program in a process of its own: what it costs can be told from what others do, and only its own work slows it. */
export interface Asked<Question, Answer> {
  /** One question at a time. Rejects when the program ends before it has answered. */
  ask(question: Question): Promise<Answer>;
}

/** Such a program in Node. */
export interface Child<Question, Answer> extends Asked<Question, Answer> {
  signal(signal: NodeJS.Signals): void;
}

/** Programs that are ended together. */
export interface Children extends AsyncDisposable {
  /** Starts a program that {@link answer}s. What it writes to stderr is shown. */
  start<Question extends string | number | object, Answer>(
    program: URL,
    ...args: readonly string[]
  ): Child<Question, Answer>;
}

export function childProcesses(): Children {
  const ends: (() => Promise<unknown>)[] = [];
  return {
    start(program, ...args) {
      // What a library does only for those who develop with it is not measured.
      const env = { ...process.env, NODE_ENV: "production" };
      const child = fork(program, args, { env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
      const ended = once(child, "exit");
      ends.push(() => {
        if (child.connected) child.disconnect();
        return ended;
      });
      return {
        ask: (question) =>
          new Promise((resolve, reject) => {
            const fail = (): void => reject(new Error([program.pathname, ...args, "ended too early"].join(" ")));
            child.once("exit", fail);
            child.once("message", (answered) => {
              child.off("exit", fail);
              resolve(answered as never);
            });
            child.send(question, (error) => error && fail());
          }),
        signal: (signal) => void child.kill(signal),
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(ends.map((end) => end()));
    },
  };
}

/** For the program of a child: answers each question, and ends when its parent does. An error is its end. */
export function answer(reply: (question: any) => unknown): void {
  process.on("message", (question) => {
    void (async () => process.send!(await reply(question)))();
  });
  // Its parent may have ended while it was being loaded.
  if (!process.connected) process.exit();
  process.once("disconnect", () => process.exit());
}
