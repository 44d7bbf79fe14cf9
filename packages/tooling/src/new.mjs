import { cpSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { run } from "./run.mjs";
import { fail, install } from "./setup.mjs";
import { readJson, root } from "./workspace.mjs";

/** What a new package of each family starts as, and how its description begins. */
const families = {
  auth: { template: "ratelimit", does: "Authentication for @kit with" },
  circuitbreaker: { template: "circuitbreaker-handy", does: "Circuit breakers for @kit with" },
  log: { template: "log-pino", does: "Logs of @kit through" },
  metrics: { template: "metrics-prometheus", does: "Metrics of @kit for" },
  ratelimit: { template: "ratelimit", does: "Rate limits for @kit with" },
  sd: { template: "sd-file", does: "Service discovery for @kit with" },
  tracing: { template: "tracing-otel", does: "Tracing for @kit with" },
  transport: { template: "transport-http", does: "Endpoints of @kit over" },
};

/**
 * Makes a package: copies a working one of the same family and gives it its own name throughout, so that it
 * builds and passes its tests at once, and every step from there has something that works to compare with.
 *
 * @param {string[]} args the family and the technology, such as "sd" and "nacos"
 */
export async function newPackage([family = "", technology = ""]) {
  const usage = "Usage: pnpm new <family> <technology>, such as `pnpm new sd nacos`.";
  if (!Object.hasOwn(families, family))
    fail(`"${family}" is none of the families ${Object.keys(families).join(", ")}.\n${usage}`);
  if (!/^[a-z][a-z0-9]*$/.test(technology))
    fail(`"${technology}" is not a word of lower-case letters and digits.\n${usage}`);
  const { template, does } = families[/** @type {keyof typeof families} */ (family)];
  const name = `${family}-${technology}`;
  const path = join(root, "packages", name);
  if (existsSync(path)) fail(`packages/${name} exists already.`);

  await install();
  copy(template, path);
  rename(path, template, name, technology);
  describe(path, { template, family, technology, description: `${does} ${technology}.` });
  announce(name, template, `${does} ${technology}.`);
  const { code, output } = await run("pnpm", ["install", "--no-frozen-lockfile", "--prefer-offline"]);
  if (code !== 0) fail(output);
  await run("oxfmt", [path, join(root, "packages/tooling")]);

  console.log(`packages/${name} is a copy of packages/${template} under its own name. Next:
  1. make its sources talk to ${technology}, and add the driver to its package.json
  2. rewrite its README.md and .changeset/${name}.md
  3. pnpm test --filter=@kit/${name} --filter=@kit/tooling, then pnpm check`);
}

/**
 * @param {string} template
 * @param {string} path
 */
function copy(template, path) {
  const leftOut = new Set(["node_modules", "dist", "coverage", ".turbo", ".kit", "CHANGELOG.md"]);
  cpSync(join(root, "packages", template), path, { recursive: true, filter: (from) => !leftOut.has(basename(from)) });
}

/**
 * Renames the package, and the files and exports that bear the technology's name. Elsewhere that name stays as it
 * is, for it may be that of the driver or of a module of Node.
 *
 * @param {string} path
 * @param {string} template
 * @param {string} name
 * @param {string} technology
 */
function rename(path, template, name, technology) {
  const files = readdirSync(path, { recursive: true, encoding: "utf8" })
    .map((file) => join(path, file))
    .filter((file) => statSync(file).isFile());
  const old = template.split("-")[1] ?? template;
  const bearer = new RegExp(`\\b${old}\\b`);
  const bearers = files.filter((file) => bearer.test(basename(file)));
  const newName = (/** @type {string} */ file) => basename(file).replace(bearer, technology);
  const newIdentifier = (/** @type {string} */ identifier) =>
    identifier
      .replace(new RegExp(`^${old}(?=[A-Z])`), technology)
      .replace(new RegExp(`${pascal(old)}(?![a-z])`), pascal(technology));
  const exported = new Set(readFileSync(join(path, "src/index.ts"), "utf8").match(/\w+/g));

  /** @type {[RegExp, string][]} */
  const replacements = [
    [new RegExp(`(?<=@kit/|packages/)${template}(?![\\w-])`, "g"), name],
    ...bearers.map(
      (file) => /** @type {[RegExp, string]} */ ([new RegExp(`(?<=/)${basename(file)}(?=")`, "g"), newName(file)]),
    ),
    ...[...exported]
      .filter((identifier) => newIdentifier(identifier) !== identifier)
      .map(
        (identifier) =>
          /** @type {[RegExp, string]} */ ([new RegExp(`\\b${identifier}\\b`, "g"), newIdentifier(identifier)]),
      ),
  ];
  for (const file of files) {
    const content = readFileSync(file, "utf8");
    writeFileSync(
      file,
      replacements.reduce((text, [from, to]) => text.replaceAll(from, to), content),
    );
  }
  for (const file of bearers) renameSync(file, join(dirname(file), newName(file)));
}

/** @param {string} word */
const pascal = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/**
 * @param {string} path
 * @param {{ template: string, family: string, technology: string, description: string }} about
 */
function describe(path, { template, family, technology, description }) {
  const file = join(path, "package.json");
  const old = template.split("-")[1];
  const manifest = readJson(file);
  manifest.version = "0.0.0";
  manifest.description = description;
  manifest.keywords =
    old === undefined
      ? ["kit", family, technology]
      : manifest.keywords.map((/** @type {string} */ word) => (word === old ? technology : word));
  writeJson(file, manifest);
}

/**
 * Tells the rest of the workspace: the tooling, which tests READMEs and sizes, and the changesets.
 *
 * @param {string} name
 * @param {string} template
 * @param {string} description
 */
function announce(name, template, description) {
  const tooling = join(root, "packages/tooling");
  const manifest = readJson(join(tooling, "package.json"));
  manifest.devDependencies = sortKeys({ ...manifest.devDependencies, [`@kit/${name}`]: "workspace:*" });
  writeJson(join(tooling, "package.json"), manifest);
  const limits = readJson(join(tooling, "size-limits.json"));
  writeJson(join(tooling, "size-limits.json"), sortKeys({ ...limits, [name]: limits[template] }));
  writeFileSync(
    join(root, ".changeset", `${name}.md`),
    `---\n"@kit/${name}": major\n---\n\nFirst release: ${description}\n`,
  );
}

/**
 * @param {string} file
 * @param {unknown} value
 */
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);

/**
 * @param {Record<string, string>} values
 */
const sortKeys = (values) => Object.fromEntries(Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1)));
