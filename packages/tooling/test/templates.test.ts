import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { describe, expect, it, onTestFinished } from "vitest";

import { makeTemplates } from "../src/templates.mjs";
import { readJson, root, workspacePackages } from "../src/workspace.mjs";

// The smallest workspace that has all that a template leaves behind.
const workspace = {
  "pnpm-workspace.yaml": `
catalog:
  vitest: 4.1.12
allowBuilds:
  inner: false
  elsewhere: false
overrides:
  outer>inner: ^2.0.0
  outer>other: ^3.0.0
  inner: 2.5.0
  elsewhere>inner: ^9.0.0
`,
  "pnpm-lock.yaml": `
importers:
  apps/shop:
    dependencies:
      '@kit/sd': { specifier: workspace:^, version: link:../../packages/sd }
    devDependencies:
      '@kit/servers': { specifier: workspace:*, version: link:../../packages/servers }
      browser: { specifier: ^7.0.0, version: 7.0.0 }
      vitest: { specifier: 'catalog:', version: 4.1.12 }
  packages/sd:
    dependencies:
      outer: { specifier: ^1.0.0, version: 1.0.0(peer@1.0.0) }
  packages/servers:
    dependencies:
      elsewhere: { specifier: ^1.0.0, version: 1.0.0 }
snapshots:
  outer@1.0.0(peer@1.0.0):
    dependencies: { inner: 2.5.0 }
    optionalDependencies: { outer: 1.0.0(peer@1.0.0) }
  inner@2.5.0: {}
  browser@7.0.0:
    dependencies: { elsewhere: 1.0.0 }
  elsewhere@1.0.0: {}
  vitest@4.1.12: {}
`,
  "tsconfig.base.json": JSON.stringify({
    compilerOptions: {
      target: "ES2023",
      composite: true,
      declaration: true,
      declarationMap: true,
      isolatedDeclarations: true,
      rootDir: "${configDir}/src",
      strict: true,
    },
  }),
  "packages/sd/package.json": JSON.stringify({ name: "@kit/sd", version: "1.4.2" }),
  "packages/servers/package.json": JSON.stringify({ name: "@kit/servers", version: "0.0.0", private: true }),
  "apps/shop/package.json": JSON.stringify({
    name: "@kit-apps/shop",
    version: "0.0.0",
    private: true,
    description: "A shop.",
    license: "MIT",
    scripts: { prestart: "tsc -b", start: "node dist/main.js" },
    dependencies: { "@kit/sd": "workspace:^", zod: "^4.6.7" },
    devDependencies: { "@kit/servers": "workspace:*", browser: "^7.0.0", vitest: "catalog:" },
  }),
  "apps/shop/tsconfig.json": JSON.stringify({
    extends: "../../tsconfig.base.json",
    compilerOptions: { isolatedDeclarations: false, lib: ["DOM"] },
    include: ["src"],
    references: [{ path: "../../packages/sd" }],
  }),
  "apps/shop/.gitignore": "# what it keeps\nshop.db*\ndist/\n",
  "apps/shop/README.md": "# shop\n",
  "apps/shop/shop.db-wal": "a user's",
  "apps/shop/dist/main.js": "built",
  "apps/shop/src/main.ts": 'import { z } from "zod";\n',
  "apps/shop/test/tsconfig.json": JSON.stringify({ extends: "../../../tsconfig.base.json", include: ["."] }),
  "apps/shop/test/shop.test.ts": 'import { it } from "vitest";\n',
  "apps/shop/test/workspace/live.test.ts":
    'import { startServer } from "@kit/servers";\nimport { open } from "browser/open";\nimport { it } from "vitest";\n',
};

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kit-templates-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** @returns the folder of the only template */
async function makeOf(changes: Record<string, string> = {}): Promise<string> {
  const from = await temporaryFolder();
  for (const [file, content] of Object.entries({ ...workspace, ...changes })) {
    await mkdir(dirname(join(from, file)), { recursive: true });
    await writeFile(join(from, file), content);
  }
  makeTemplates(join(from, "templates"), from);
  return join(from, "templates/shop");
}

async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

describe("a template", () => {
  it("is what people wrote, without the workspace's tests", async () => {
    expect(await files(await makeOf())).toEqual([
      "README.md",
      "gitignore",
      "manifest.json",
      "src/main.ts",
      "test/shop.test.ts",
      "test/tsconfig.json",
      "tsconfig.json",
    ]);
  });

  it("depends on what is published, in the versions of the tree", async () => {
    expect(readJson(join(await makeOf(), "manifest.json"))).toEqual({
      name: "@kit-apps/shop",
      version: "0.0.0",
      private: true,
      description: "A shop.",
      scripts: { prestart: "tsc -b", start: "node dist/main.js" },
      dependencies: { "@kit/sd": "^1.4.2", zod: "^4.6.7" },
      devDependencies: { vitest: "4.1.12" },
      overrides: { outer: { inner: "^2.0.0", other: "^3.0.0" }, inner: "2.5.0" },
      allowScripts: { inner: false },
    });
  });

  it("has a whole tsconfig.json", async () => {
    const template = await makeOf();
    expect(readJson(join(template, "tsconfig.json"))).toEqual({
      compilerOptions: { incremental: true, target: "ES2023", rootDir: "src", strict: true, lib: ["DOM"] },
      include: ["src"],
    });
    expect(readJson(join(template, "test/tsconfig.json"))).toMatchObject({ extends: "../tsconfig.json" });
  });

  it("declares its types if it exports something", async () => {
    const manifest = {
      ...JSON.parse(workspace["apps/shop/package.json"]),
      exports: { "./client": "./dist/client.js" },
    };
    const template = await makeOf({ "apps/shop/package.json": JSON.stringify(manifest) });
    const { compilerOptions } = readJson(join(template, "tsconfig.json"));
    expect(compilerOptions).toMatchObject({ declaration: true, declarationMap: true });
    expect(compilerOptions).not.toHaveProperty("composite");
  });

  it("ignores what every project ignores, and its own", async () => {
    expect(await readFile(join(await makeOf(), "gitignore"), "utf8")).toBe("node_modules/\ndist/\nshop.db*\n");
  });

  it.each([
    ["apps/shop/test/shop.test.ts", 'import { startServer } from "@kit/servers";', "is not published"],
    ["apps/shop/src/main.ts", 'const bench = await import("@kit/servers/redis");', "is not published"],
    [
      "apps/shop/package.json",
      workspace["apps/shop/package.json"].replace('"vitest":"catalog:"', '"typescript":"catalog:"'),
      '"typescript": "catalog:" has no meaning outside the workspace.',
    ],
    [
      "apps/shop/package.json",
      workspace["apps/shop/package.json"].replace("@kit/sd", "@kit/lb"),
      '"@kit/lb": "workspace:^" has no meaning outside the workspace.',
    ],
  ])("is not made if %s has %s", async (file, content, message) => {
    await expect(makeOf({ [file]: content })).rejects.toThrow(message);
  });
});

describe.each(workspacePackages().filter(({ folder }) => folder.startsWith("apps/")))("$folder", ({ folder, path }) => {
  it("starts and tests what it has built", () => {
    const { scripts } = readJson(join(path, "package.json"));
    const mending = `"prestart" and "pretest" of ${folder}/package.json: "tsc -b"`;
    expect(scripts, mending).toMatchObject({ prestart: "tsc -b", pretest: "tsc -b" });
  });

  it("says nothing that is true in the workspace only", async () => {
    const template = join(await temporaryFolder(), "templates");
    makeTemplates(template, root);
    const name = folder.replace("apps/", "");
    for (const file of await files(join(template, name))) {
      const content = await readFile(join(template, name, file), "utf8");
      const found = /.*(?:(?<!@kit-)\b(?:apps|packages)\/[a-z]|workspace:|catalog:|tsconfig\.base).*/.exec(
        content,
      )?.[0];
      expect(found, `${folder}/${file}: say it so that it is true in a project of its own, too`).toBeUndefined();
    }
  });
});
