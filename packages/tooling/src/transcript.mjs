import { fences } from "./markdown.mjs";

/**
 * What a README's reader does with programs that run, from starting them to Ctrl-C. It is read by these rules:
 *
 * - A `sh` block with `$` is a terminal: each `$` line a command that ends, and below it what that prints.
 * - A section (`##`) that has such a block is followed, and so is one without `sh` blocks behind it. Its first `sh` block without `$` is another terminal, where
 *   programs go on: that of its first line, and of those that follow a line ending in `&`. Other lines are offers.
 * - A `text` block in it has lines that these programs print, in any order and among others.
 * - Programs go on until a section begins that starts others.
 *
 * @typedef {object} Session
 * @property {string} title of its first section
 * @property {Step[]} steps
 *
 * @typedef {object} Step
 * @property {"start" | "run" | "lines"} kind
 * @property {number} line in the README, from 1
 * @property {string} command
 * @property {string} printed what the README says is printed
 */

/**
 * @param {string} markdown
 * @returns {Session[]}
 */
export function sessions(markdown) {
  /** @type {Session[]} */
  const found = [];
  let line = 0;
  for (const section of markdown.split(/^(?=## )/m)) {
    const first = line;
    line += section.split("\n").length - 1;
    const last = found.at(-1);
    const isFollowed = /^\$ /m.test(section) || (last !== undefined && !/^```sh/m.test(section));
    const steps = isFollowed ? stepsOf(section, first) : [];
    if (steps.length === 0) continue;
    if (last !== undefined && !steps.some(({ kind }) => kind === "start")) last.steps.push(...steps);
    else found.push({ title: section.slice(0, section.indexOf("\n")), steps });
  }
  return found;
}

/**
 * @param {string} section
 * @param {number} before the lines before it
 */
function stepsOf(section, before) {
  /** @type {Step[]} */
  const steps = [];
  for (const { language, code, line } of fences(section)) {
    const at = before + line + 1;
    if (language === "text") steps.push({ kind: "lines", line: at, command: "", printed: code });
    if (language !== "sh") continue;
    if (code.startsWith("$ ")) {
      for (const match of code.matchAll(/^\$ ((?:.*\\\n)*.*\n)((?:(?!\$ ).*\n)*)/gm)) {
        const [, command = "", printed = ""] = match;
        const shift = code.slice(0, match.index).split("\n").length - 1;
        steps.push({ kind: "run", line: at + shift, command: command.trimEnd(), printed });
      }
    } else if (!steps.some(({ kind }) => kind === "start")) {
      const command = /^(?:.*&\n)*.*/.exec(code)?.[0] ?? "";
      steps.push({ kind: "start", line: at, command, printed: "" });
    }
  }
  return steps;
}

/** What differs from run to run, and what stands for it in a comparison. */
const differing = new Map([
  ["<time>", /\d{4}-\d\d-\d\dT[\d:.]+Z|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT/],
  ["<duration>", /(?<=took_ms=)[\d.]+/],
  ["<pid>", /(?<=kill -9 )\d+/],
  ["<trace or span>", /\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/],
  ["<cargo>", /\b[0-9A-F]{8}\b/],
  ["<instance>", /\b(?:addsvc|stringsvc)-\d\b/],
  // Node's own, where it has one.
  ["<SQLite>", /SQLite on WebAssembly|Node's SQLite/],
  // Of those that the system hands out.
  ["<port>", /(?<=:)(?:3[2-9]\d{3}|[45]\d{4}|6[0-5]\d{3})\b/],
]);
const anyOf = new RegExp([...differing.values()].map(({ source }) => `(${source})`).join("|"), "g");

/**
 * What of a text is the same in every run.
 *
 * @param {string} text
 */
export const lasting = (text) =>
  text
    .replaceAll("\r", "")
    .trimEnd()
    .replaceAll(anyOf, (_, ...groups) => [...differing.keys()][groups.findIndex((group) => group !== undefined)] ?? "");

/**
 * What of a text is not, in order.
 *
 * @param {string} text
 * @returns {string[]}
 */
export const passing = (text) => text.match(anyOf) ?? [];
