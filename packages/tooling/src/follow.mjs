import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

import { lasting, passing } from "./transcript.mjs";

/**
 * @typedef {import("./transcript.mjs").Step} Step
 * @typedef {Step & { got: string }} Followed a step with what came of it
 */

/** How long programs may take to print what is awaited, and to end, on a busy machine, in ms. */
const patienceMs = 30_000;
/** How long a question is asked again while the answer is another, in ms. */
const askingMs = 10_000;

/**
 * Follows a session in the working folder, as somebody would who copies its commands and is slower than we:
 *
 * - A `curl` that only asks is asked again while the answer is another, and so is a command whose deadline has passed.
 * - What a program tells its reader to set (`TOKEN=…`) is set.
 * - What differs from run to run is, in a command, what it was in this run: `kill` gets the pid that was printed.
 * - At last comes Ctrl-C, and everything must end.
 *
 * @param {import("./transcript.mjs").Session} session
 * @returns {Promise<Followed[]>} up to the first that has not come as it should
 */
export async function follow({ steps }) {
  /** What differs: as the README has it, as it is here. @type {Map<string, string>} */
  const here = new Map();
  /** @type {ReturnType<typeof terminal> | undefined} */
  let programs;
  const said = () => programs?.output() ?? "";
  /** Lines of the programs that have been found, by number. @type {Set<number>} */
  const found = new Set();

  /** @param {string} printed @param {string} got */
  function isSame(printed, got) {
    if (lasting(printed) !== lasting(got)) return false;
    const actual = passing(got);
    for (const [n, one] of passing(printed).entries()) here.set(one, actual[n] ?? one);
    return true;
  }

  /** What the programs have told to set; what the command reads of it may be about to come. @param {string} command */
  async function toSet(command) {
    const read = Array.from(command.matchAll(/\$([A-Z]+)\b/g), ([, name = ""]) => name);
    const until = performance.now() + patienceMs;
    for (;;) {
      const told = Array.from(said().matchAll(/^ *([A-Z]+)=(\S+)$/gm), ([, name, value]) => [name, value]);
      const variables = Object.fromEntries(told);
      if (read.every((name) => name in variables || name in process.env) || performance.now() > until) return variables;
      await delay(50);
    }
  }

  /** @param {Step} step */
  async function runCommand({ command, printed }) {
    const variables = await toSet(command);
    const own = [...here].reduce((text, [one, actual]) => text.replaceAll(one, actual), command);
    const onlyAsks = /^curl (?!.* -[dX] )/.test(command);
    const until = performance.now() + askingMs;
    for (;;) {
      const { ended, output } = terminal(own, variables);
      await ended;
      const got = output();
      if (isSame(printed, got) || performance.now() > until) return got;
      if (!onlyAsks && !got.includes("deadline exceeded")) return got;
      await delay(100);
    }
  }

  /** @param {Step} step */
  async function findLines({ printed }) {
    const until = performance.now() + patienceMs;
    const got = [];
    for (const wanted of printed.trimEnd().split("\n")) {
      for (;;) {
        const lines = said().split("\n").slice(0, -1);
        const at = lines.findIndex((line, n) => !found.has(n) && isSame(wanted, line));
        if (at >= 0) {
          found.add(at);
          got.push(lines[at]);
          break;
        }
        if (performance.now() > until) return `${got.join("\n")}\n(and not the next, among)\n${said()}`;
        await delay(50);
      }
    }
    return got.join("\n");
  }

  /** @param {Step} step */
  async function startPrograms({ command }) {
    programs = terminal(command);
    return "";
  }

  const ways = { start: startPrograms, run: runCommand, lines: findLines };
  /** @type {Followed[]} */
  const followed = [];
  for (const step of steps) {
    const got = await ways[step.kind](step);
    followed.push({ ...step, got });
    if (!isSame(step.printed, got)) break;
  }
  if ((await programs?.stop()) === false) throw new Error(`Ctrl-C does not stop it\n${said()}`);
  return followed;
}

/**
 * A terminal with a command, or several that go on.
 *
 * @param {string} command
 * @param {Record<string, string>} [variables]
 */
function terminal(command, variables) {
  // curl tells its progress, and npm what it runs; to people, and that is not what the README is about.
  const child = spawn("bash", ["-c", `curl() { command curl -sS "$@"; }\n${command}`], {
    detached: true,
    env: { ...process.env, ...variables, npm_config_loglevel: "silent", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (some) => (text += some));
  const ended = new Promise((resolve) => child.once("close", resolve));
  /** @param {NodeJS.Signals} signal */
  const send = (signal) => {
    try {
      process.kill(-(child.pid ?? 0), signal);
    } catch {
      // There is nobody left.
    }
  };
  return {
    ended,
    output: () => text,
    /** Ctrl-C, which all of a terminal's programs get; resolves with whether they ended by it. */
    async stop() {
      send("SIGINT");
      const obeyed = await Promise.race([ended.then(() => true), delay(patienceMs, false, { ref: false })]);
      send("SIGKILL");
      return obeyed;
    },
  };
}
