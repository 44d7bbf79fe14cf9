import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/**
 * @typedef {{ text: string, link: string }} Entry
 * @typedef {{ text: string, collapsed?: boolean, items: Entry[] }} Family
 */

/** Where a file of the workspace is a page of the site; everything else is a file that readers look for in the workspace. */
const homes = new Map([
  ["README.md", "index.md"],
  ["packages/tooling/README.md", "contributing.md"],
]);

/**
 * All pages, by their place, and what leads to them.
 *
 * @returns {{ pages: Map<string, string>, sidebar: { packages: Family[], apps: Entry[] } }}
 */
export function site() {
  const packages = families(read("README.md"));
  const apps = readdirSync(join(root, "apps")).map((name) => ({ text: name, link: `/apps/${name}` }));
  for (const { text } of packages.flatMap(({ items }) => items)) {
    const folder = `packages/${text.slice("@kit/".length)}`;
    homes.set(`${folder}/README.md`, `${folder}.md`);
  }
  for (const { text } of apps) homes.set(`apps/${text}/README.md`, `apps/${text}.md`);

  const pages = new Map();
  for (const [source, page] of homes) pages.set(page, linked(read(source), source, page));
  const guides = join(root, "packages/docs/content");
  for (const name of readdirSync(guides, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const file = join(name.parentPath, name.name);
    pages.set(file.slice(guides.length + 1), readFileSync(file, "utf8"));
  }
  pages.set("packages.md", overview(read("README.md")));
  return { pages, sidebar: { packages, apps } };
}

/** @param {string} file */
const read = (file) => readFileSync(join(root, file), "utf8");

/**
 * The families of the root README's table, whose first column names one where it begins.
 *
 * @param {string} readme
 * @returns {Family[]}
 */
function families(readme) {
  /** @type {Family[]} */
  const found = [];
  for (const [, family = "", name = ""] of readme.matchAll(/^\| *([^|]*?) *\| \[`@kit\/([^`]+)`\]/gm)) {
    if (family !== "") found.push({ text: family, collapsed: true, items: [] });
    found.at(-1)?.items.push({ text: `@kit/${name}`, link: `/packages/${name}` });
  }
  if (found.length === 0) throw new Error("the root README has no table of packages");
  return found;
}

/** @param {string} readme */
function overview(readme) {
  const table = readme.split("\n").filter((line) => line.startsWith("|") && !line.startsWith("| layer"));
  const rows = table.slice(0, table.findLastIndex((line) => line.includes("](packages/")) + 1);
  return linked(`# Packages\n\n${rows.join("\n")}\n`, "README.md", "packages.md");
}

/**
 * The same text with its relative links leading to pages; links to what is no page lose their brackets.
 *
 * @param {string} text
 * @param {string} source the file that it is from
 * @param {string} page where it goes
 */
function linked(text, source, page) {
  return text.replaceAll(/\[((?:[^\]`]|`[^`]*`)*)\]\((?!https?:|#)([^)\s]+)\)/g, (_, label, target) => {
    const [path, anchor] = target.split("#");
    const file = posix.join(posix.dirname(source), path);
    const home = homes.get(file) ?? homes.get(posix.join(file, "README.md"));
    if (home === undefined) return label;
    const link = posix.relative(posix.dirname(page), home);
    return `[${label}](${link.startsWith(".") ? link : `./${link}`}${anchor === undefined ? "" : `#${anchor}`})`;
  });
}
