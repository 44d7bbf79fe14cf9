import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import { describe, expect, it } from "vitest";

import { headings } from "../src/markdown.mjs";
import { publishedPackages, readJson, root, workspacePackages } from "../src/workspace.mjs";

// The shape of every package, so that whoever knows one knows them all. Each message says the mending.

const manifestKeys = [
  "name",
  "version",
  "private",
  "description",
  "keywords",
  "license",
  "repository",
  "type",
  "sideEffects",
  "engines",
  "exports",
  "bin",
  "files",
  "scripts",
  "dependencies",
  "peerDependencies",
  "peerDependenciesMeta",
  "devDependencies",
  "publishConfig",
];

const constantFields = {
  license: "MIT",
  type: "module",
  sideEffects: false,
  engines: { node: ">=20.19.0" },
  files: ["dist", "src", "!dist/.tsbuildinfo"],
  scripts: {
    build: "rm -rf dist && tsc -b",
    typecheck: "tsc -p test",
    test: "vitest run --exclude '**/*.integration.test.ts'",
    "test:integration": "vitest run integration --passWithNoTests",
    "lint:package": "publint --strict && attw --pack . --profile esm-only",
  },
  publishConfig: { access: "public", provenance: true },
};

/** `create` carries the apps, which its build brings and whose tests are not its own; none of it runs in a service. */
const create = "@kit/create";
const fieldsOfCreate = {
  ...constantFields,
  files: ["dist", "src", "templates", "!dist/.tsbuildinfo"],
  scripts: {
    ...constantFields.scripts,
    build: `${constantFields.scripts.build} && node ../tooling/bin/templates.mjs`,
    test: "vitest run --dir test --exclude '**/*.integration.test.ts'",
    "test:integration": "vitest run integration --dir test --passWithNoTests",
  },
};

const readmeHeadings = [
  "## Install",
  "## Use",
  "## Options",
  "## Behaviour",
  "## Errors",
  "## Supported versions",
  "## Conformance",
  "## See also",
];

const core = "@kit/endpoint";
const everything = workspacePackages();
const published = publishedPackages();
const isOurs = (name: string) => name.startsWith("@kit/");
/** What travels over HTTP stands on `transport-http`, as go-kit's `http/jsonrpc` and `http/proto` do on its `http`. */
const familyOverHttp = "@kit/transport-http";
/** Two words for one thing, and no member of a family: loggers and metrics stand on it. */
const belowFamilies = /^(@kit\/)?line-sender$/;
const isAdapter = (name: string) => name.includes("-") && name !== familyOverHttp && !belowFamilies.test(name);
const ours = (ranges: object) => Object.fromEntries(Object.entries(ranges).filter(([name]) => isOurs(name)));
const rangeForAll = (ranges: object, range: string) =>
  Object.fromEntries(Object.keys(ranges).map((name) => [name, range]));
const text = (path: string) => readFileSync(path, "utf8");

/** Files below a folder that people write, as paths from it: nothing installed, built or generated. */
function files(folder: string, below = ""): string[] {
  return readdirSync(join(folder, below))
    .filter((name) => !["node_modules", "dist", "templates", "coverage", ".turbo", ".kit", ".git"].includes(name))
    .flatMap((name) => {
      const path = join(below, name);
      return statSync(join(folder, path)).isDirectory() ? files(folder, path) : [path];
    });
}

/** The fields of every exported options type of a package, as its formatted source has them. */
function options(path: string): { owner: string; option: string }[] {
  return files(path)
    .filter((file) => file.startsWith("src/"))
    .flatMap((file) => {
      const declared = text(join(path, file)).matchAll(/^export (?:interface|type) (\w+Options)\b([\s\S]*?)^\}/gm);
      return [...declared].flatMap(([, owner = "", body = ""]) =>
        [...body.matchAll(/^ {2,4}readonly (\w+)\??:/gm)].map(([, option = ""]) => ({ owner, option })),
      );
    });
}

describe.each(everything)("$folder", ({ folder, path, manifest }) => {
  it("is named for its folder", () => {
    const scope = folder.startsWith("apps/") ? "@kit-apps" : "@kit";
    expect(manifest.name, "rename the folder or the package").toBe(`${scope}/${basename(folder)}`);
  });

  it("has no file whose name says nothing", () => {
    const vague = files(path).filter((file) => /(^|\/)(utils?|types|helpers?|common|misc|shared)\.\w+$/.test(file));
    expect(vague, "name each file for the one concept in it").toEqual([]);
  });
});

describe.each(everything.filter(({ path }) => existsSync(join(path, "tsconfig.json"))))("$folder", (one) => {
  it("refers to what it stands on", () => {
    const { folder, path, manifest } = one;
    const used = Object.keys(ours({ ...manifest.dependencies, ...manifest.peerDependencies }));
    const packages = folder.startsWith("apps/") ? "../../packages" : "..";
    const expected = used.toSorted().map((name) => ({ path: name.replace("@kit", packages) }));
    const { references = [] } = readJson(join(path, "tsconfig.json"));
    const mending = `set "references" in ${folder}/tsconfig.json to its @kit dependencies and peers`;
    expect(references, mending).toEqual(expected);
  });
});

describe.each(published)("$folder, published", ({ folder, path, manifest }) => {
  const name = basename(folder);
  const { exports = {}, dependencies = {}, peerDependencies = {}, devDependencies = {} } = manifest;

  it("orders the keys of its manifest", () => {
    const keys = Object.keys(manifest);
    const unknown = keys.filter((key) => !manifestKeys.includes(key));
    expect(unknown, "package.json: remove these, or add them to manifestKeys in workspace.test.ts").toEqual([]);
    expect(keys, "reorder package.json").toEqual(manifestKeys.filter((key) => keys.includes(key)));
  });

  it("has the manifest of every other package", () => {
    const fields = manifest.name === create ? fieldsOfCreate : constantFields;
    expect(manifest, "copy these fields of package.json from another package").toMatchObject(fields);
    expect(manifest).toMatchObject({
      description: expect.stringMatching(/^[A-Z].+\.$/),
      keywords: expect.arrayContaining(["kit"]),
    });
  });

  it("exports what is built, each with its types and its source", () => {
    expect(Object.keys(exports).at(-1), 'end "exports" with "./package.json"').toBe("./package.json");
    const entries = Object.values(exports).flatMap((target) => (typeof target === "string" ? [] : [target]));
    for (const { types, default: module } of entries) {
      expect(types, `the types of ${module} lie beside it`).toBe(module.replace(/\.js$/, ".d.ts"));
      const source = module.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts");
      for (const file of [module, types, source]) {
        expect(existsSync(join(path, file)), `${folder}/${file} is exported and missing; is it built?`).toBe(true);
      }
    }
  });

  it("names our packages by a range that a patch does not leave", () => {
    const used = ours({ ...dependencies, ...peerDependencies });
    expect(used, "use workspace:^").toEqual(rangeForAll(used, "workspace:^"));
    const usedInTests = ours(devDependencies);
    expect(usedInTests, "use workspace:* in devDependencies").toEqual(rangeForAll(usedInTests, "workspace:*"));
  });

  it("depends on no adapter", () => {
    const adapters = Object.keys(ours({ ...dependencies, ...peerDependencies })).filter(isAdapter);
    expect(adapters, "what two adapters share belongs in their family's package").toEqual([]);
  });

  it("tests with every peer", () => {
    const missing = Object.keys(peerDependencies).filter((peer) => !(peer in devDependencies));
    expect(missing, "add these peers to devDependencies too").toEqual([]);
  });

  it("consists of the files that a package consists of", () => {
    const required = ["LICENSE", "README.md", "package.json", "test/tsconfig.json", "tsconfig.json"];
    if (isAdapter(name)) required.push("test/conformance.test.ts");
    if (manifest.name === create) required.push("turbo.json");
    const found = files(path);
    for (const file of required) expect(found, `add ${folder}/${file}`).toContain(file);
    const strange = found.filter(
      (file) => ![...required, "CHANGELOG.md"].includes(file) && !/^src\/.+\.ts$|^test\//.test(file),
    );
    expect(strange, "sources belong in src, everything for tests in test").toEqual([]);
    const tests = found.filter((file) => /^src\/.*\.test\.ts$/.test(file));
    expect(tests, "src is published: move these to test").toEqual([]);
  });

  it("has the workspace's licence", () => {
    expect(text(join(path, "LICENSE")), `cp LICENSE ${folder}/LICENSE`).toBe(text(join(root, "LICENSE")));
  });

  it("has the README of every other package", () => {
    const [title, ...rest] = headings(text(join(path, "README.md")));
    expect(title, "the title is the package's name").toBe(`# ${manifest.name}`);
    expect(rest, `${folder}/README.md needs these headings, in this order`).toEqual(readmeHeadings);
  });

  it("explains each option in its README", () => {
    const readme = text(join(path, "README.md"));
    for (const { owner, option } of options(path)) {
      expect(readme, `the Options of ${folder}/README.md do not name ${owner}.${option}`).toContain(`\`${option}\``);
    }
  });

  it("is known to the tooling", () => {
    const tooling = readJson(join(root, "packages/tooling/package.json"));
    const mending = "add it to the devDependencies of packages/tooling";
    expect(tooling.devDependencies, mending).toHaveProperty([manifest.name]);
    const limits = readJson(join(root, "packages/tooling/size-limits.json"));
    expect(limits, "give it a limit in packages/tooling/size-limits.json").toHaveProperty([name]);
  });
});

describe.each(published.filter(({ manifest }) => ![core, create].includes(manifest.name)))(
  "$folder, around the core",
  ({ manifest }) => {
    it("takes the core from its user", () => {
      const { dependencies = {}, peerDependencies = {}, devDependencies = {} } = manifest;
      expect(peerDependencies, `"${core}": "workspace:^" in peerDependencies`).toHaveProperty([core], "workspace:^");
      expect(devDependencies, `"${core}": "workspace:*" in devDependencies`).toHaveProperty([core], "workspace:*");
      expect(dependencies, "two copies of the core would meet: move it to peerDependencies").not.toHaveProperty([core]);
    });
  },
);

describe.each(published.filter(({ manifest }) => "." in (manifest.exports ?? {})))("$folder, its entry", ({ path }) => {
  it("keeps code out of src/index.ts", () => {
    const code = text(join(path, "src/index.ts"))
      .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")
      .replaceAll(/export (type )?(\{[^}]*\}|\*) from "[^"]+";/g, "");
    expect(code.trim(), "src/index.ts re-exports only: move this to a file named for it").toBe("");
  });
});

describe.each(published.filter(({ manifest }) => manifest.version === "0.0.0"))("$folder, unreleased", (one) => {
  it("comes out as 1.0.0", () => {
    const { folder, manifest } = one;
    const announced = files(join(root, ".changeset"))
      .filter((file) => file.endsWith(".md"))
      .some((file) => text(join(root, ".changeset", file)).includes(`"${manifest.name}": major\n`));
    expect(announced, `add .changeset/${basename(folder)}.md with a major change of ${manifest.name}`).toBe(true);
  });
});

describe("the workspace", () => {
  it("names no registry and no folder of one machine", () => {
    const place = /https?:\/\/(registry|deb|proxy|repo1?|packages)\.[a-z]|(?<![\w.@-])\/(home|root|tmp|work)\/[a-z]+\//;
    const found = files(root)
      .filter((file) => statSync(join(root, file)).size < 1_000_000)
      .filter((file) => place.test(text(join(root, file))));
    expect(found, "replace it by a relative path or a temporary folder made at run time").toEqual([]);
  });

  it("locks packages by name and hash alone", () => {
    const lock = text(join(root, "pnpm-lock.yaml"));
    expect(lock.includes("tarball:"), "reinstall so that no registry address is kept").toBe(false);
  });
});
