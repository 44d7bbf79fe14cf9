/**
 * @typedef {object} Fence
 * @property {string} language
 * @property {string} code
 * @property {number} line of its opening mark, from 1
 */

/**
 * The code blocks of a page, in order.
 *
 * @param {string} markdown
 * @returns {Fence[]}
 */
export function fences(markdown) {
  const found = [];
  for (const match of markdown.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm)) {
    const [, language = "", code = ""] = match;
    found.push({ language, code, line: markdown.slice(0, match.index).split("\n").length });
  }
  return found;
}

/**
 * The headings of a page, in order, with their marks.
 *
 * @param {string} markdown
 * @returns {string[]}
 */
export const headings = (markdown) =>
  markdown
    .replaceAll(/^```[\s\S]*?^```$/gm, "")
    .split("\n")
    .filter((line) => /^#{1,2} /.test(line));
