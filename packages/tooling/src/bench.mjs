import { launch } from "./setup.mjs";

/**
 * Runs the benchmarks.
 *
 * @param {string[]} args theirs, such as --smoke
 */
export const bench = (args) => launch("packages/bench", args);
