import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";

import { root } from "./workspace.mjs";

/**
 * Runs a command to its end and keeps what it prints. It gets no input, so nothing can stop to ask.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void }} [options]
 *   `onLine` sees each line of either output as it comes, in place of `output`
 * @returns {Promise<{ code: number, stdout: string, output: string }>} `output` is both streams, as they came
 */
export function run(command, args, { cwd = root, env = process.env, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let output = "";
    if (onLine === undefined) {
      child.stdout.setEncoding("utf8").on("data", (text) => {
        stdout += text;
        output += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text) => (output += text));
    } else {
      createInterface({ input: child.stdout }).on("line", onLine);
      createInterface({ input: child.stderr }).on("line", onLine);
    }
    // Ctrl-C reaches the child by itself, as it is sent to all of the terminal's group; a plain kill does not.
    const stop = () => child.kill();
    process.once("SIGTERM", stop);
    child.once("error", reject);
    child.once("close", (code) => {
      process.off("SIGTERM", stop);
      resolve({ code: code ?? 1, stdout, output });
    });
  });
}

/**
 * Prints what a tool said, without its colours where nobody would see them: not every tool looks where its output goes.
 *
 * @param {string} text
 */
export const echo = (text) => console.log(process.stdout.isTTY ? text : stripVTControlCharacters(text));
