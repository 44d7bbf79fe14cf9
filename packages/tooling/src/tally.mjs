import { stripVTControlCharacters } from "node:util";

/**
 * @typedef {object} Task
 * @property {string} name such as "@kit/lb" or "@kit/lb (integration)"
 * @property {string[]} output what it printed, colours included
 * @property {boolean} broken it ended with a failure
 * @property {number} passed
 * @property {number} failed at least one when it is broken, even where no test was reached
 * @property {number} skipped
 */

/**
 * Adds up the tests of all vitest runs out of turbo's output, in which the lines of many tasks are mixed, each
 * behind its task's name. turbo prints the output of a run from its cache as well, so cached runs count alike.
 *
 * @param {(task: Task) => void} [onSummary] called as soon as a run has printed its counts
 */
export function createTally(onSummary) {
  /** @type {Map<string, Task>} */
  const tasks = new Map();
  /** @type {string[]} */
  const unassigned = [];

  /** @param {string} id such as "@kit/lb:test:integration" */
  const taskOf = (id) => {
    let task = tasks.get(id);
    if (task === undefined) {
      const name = id
        .replace(/:test$/, "")
        .replace(/:test:integration$/, " (integration)")
        .replace(/:build$/, " (build)");
      task = { name, output: [], broken: false, passed: 0, failed: 0, skipped: 0 };
      tasks.set(id, task);
    }
    return task;
  };

  return {
    /** @param {string} raw one line of turbo's output */
    add(raw) {
      const line = stripVTControlCharacters(raw);
      const error = /^(\S+)#(\S+):\s+ERROR\b/.exec(line);
      if (error) {
        const task = taskOf(`${error[1]}:${error[2]}`);
        task.broken = true;
        task.failed = Math.max(task.failed, 1);
        return;
      }
      const id = /^(\S+?:(?:test:integration|test|build)): /.exec(line)?.[1];
      if (id === undefined) {
        unassigned.push(raw);
        return;
      }
      const task = taskOf(id);
      task.output.push(raw.slice(raw.indexOf(": ") + 2));
      const counts = /: +Tests +(.*\(\d+\))$/.exec(line)?.[1];
      if (counts === undefined) return;
      /** @param {string} what */
      const count = (what) => Number(new RegExp(`(\\d+) ${what}`).exec(counts)?.[1] ?? 0);
      task.passed = count("passed");
      task.failed = Math.max(count("failed"), task.broken ? 1 : 0);
      task.skipped = count("skipped") + count("todo");
      onSummary?.(task);
    },
    /** Every task seen so far. */
    tasks: () => [...tasks.values()],
    /** The lines that belong to no task: turbo's own. */
    unassigned,
  };
}
