import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

import { lasting, passing } from "./transcript.mjs";

/** How long programs may take to print what is awaited or to end, on a busy machine, in ms. */
const patienceMs = 30_000;

/**
 * Follows a session in the working folder, as somebody would who copies its commands.
 *
 * @param {import("./transcript.mjs").Session} session
 * @returns {Promise<(import("./transcript.mjs").Step & { got: string })[]>} each step with what came of it
 */
export async function follow({ steps }) {
  /** What differs, as the README has it and as it is in this run: a pid that is killed is the one that was printed. @type {Map<string, string>} */
  const here = new Map();
  /** @type {ReturnType<typeof shell> | undefined} */
  let programs;
  const said = () => programs?.output() ?? "";
  /** Lines of theirs that have been found, by number. */
  const used = new Set();
  const followed = [];

  /** @param {string} printed @param {string} got */
  const learn = (printed, got) => {
    const actual = passing(got);
    for (const [n, token] of passing(printed).entries()) here.set(token, actual[n] ?? token);
  };

  /** @param {string} command */
  async function runOnce(command) {
    // Such as the TOKEN=… that a program prints for its reader.
    const variables = [...said().matchAll(/^ *([A-Z]+)=(\S+)$/gm)].map(([, name, value]) => [name, value]);
    const program = shell(command, Object.fromEntries(variables));
    await program.ended;
    return program.output();
  }

  /** @param {import("./transcript.mjs").Step} step */
  async function run({ command, printed }) {
    let adapted = command;
    for (const [token, actual] of here) adapted = adapted.replaceAll(token, actual);
    // Who reads is slower than we: what only asks is asked again.
    const asks = /^curl /.test(command) && !/ -[dX] /.test(command);
    let got = await runOnce(adapted);
    for (const since = performance.now(); asks && lasting(got) !== lasting(printed); got = await runOnce(adapted)) {
      if (performance.now() - since > patienceMs / 6) break;
      await delay(100);
    }
    if (lasting(got) === lasting(printed)) learn(printed, got);
    return got;
  }

  /** @param {import("./transcript.mjs").Step} step */
  async function lines({ printed }) {
    const wanted = printed.trimEnd().split("\n");
    const got = [];
    for (const line of wanted) {
      for (const since = performance.now(); ; await delay(50)) {
        const all = said().split("\n").slice(0, -1);
        const at = all.findIndex((one, n) => !used.has(n) && lasting(one) === lasting(line));
        if (at >= 0) {
          used.add(at);
          learn(line, all[at] ?? "");
          got.push(all[at]);
          break;
        }
        if (performance.now() - since > patienceMs) return `${got.join("\n")}\n(not found among:)\n${said()}`;
      }
    }
    return got.join("\n");
  }

  try {
    for (const step of steps) {
      if (step.kind === "start") programs = shell(step.command);
      followed.push({ ...step, got: step.kind === "start" ? "" : await (step.kind === "run" ? run : lines)(step) });
    }
  } finally {
    await programs?.stop();
  }
  return followed;
}

/**
 * A terminal with one command, or several that go on.
 *
 * @param {string} command
 * @param {Record<string, string>} [variables]
 */
function shell(command, variables) {
  const env = { ...process.env, ...variables, npm_config_loglevel: "silent", NO_COLOR: "1" };
  // Curl's progress is for a terminal.
  const child = spawn("bash", ["-c", `curl() { command curl -sS "$@"; }\n${command}`], {
    env,
    detached: true,
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
      // All gone.
    }
  };
  return {
    ended,
    output: () => text,
    /** Ctrl-C, which goes to all of a terminal's programs. */
    async stop() {
      send("SIGINT");
      const impatience = setTimeout(() => send("SIGKILL"), patienceMs / 3);
      await ended;
      clearTimeout(impatience);
    },
  };
}
