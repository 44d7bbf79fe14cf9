import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { run } from "../src/run.mjs";
import { publishedPackages, readJson, root } from "../src/workspace.mjs";

// Each package as its users get it: packed, installed alone in an empty project by npm, imported, required, and
// type-checked. Our packages come from the tarballs, everything else from the registry.

const packages = publishedPackages();
const nodeTypes = readJson(join(root, "packages/tooling/node_modules/@types/node/package.json")).version;
let place: string;
let tarballs: Map<string, string>;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "kit-packaging-"));
  const filters = packages.map(({ manifest }) => `--filter=${manifest.name}`);
  const packed = await run("pnpm", [...filters, "-r", "pack", "--pack-destination", place]);
  if (packed.code !== 0) throw new Error(packed.output);
  const files = await readdir(place);
  tarballs = new Map(
    packages.map(({ folder, manifest }) => {
      const file = `kit-${basename(folder)}-${manifest.version}.tgz`;
      if (!files.includes(file)) throw new Error(`pnpm pack made no ${file} but ${files.join(", ")}`);
      return [manifest.name, join(place, file)];
    }),
  );
}, 120_000);

afterAll(() => rm(place, { recursive: true, force: true }));

describe.concurrent.each(packages)("$folder, packed", ({ folder, manifest: { name, exports = {} } }) => {
  const entries = Object.keys(exports)
    .filter((key) => key !== "./package.json")
    .map((key) => name + key.slice(1));
  const tarball = () => tarballs.get(name) ?? "";

  it("contains what users need and nothing else", async () => {
    const { stdout } = await run("tar", ["-tzf", tarball()]);
    const files = stdout
      .trim()
      .split("\n")
      .map((file) => file.replace("package/", ""));
    for (const file of ["LICENSE", "README.md", "package.json"]) expect(files, `add ${folder}/${file}`).toContain(file);
    const strange = files.filter(
      (file) =>
        !(name === "@kit/create" && file.startsWith("templates/")) &&
        !/^(LICENSE|README\.md|CHANGELOG\.md|package\.json)$|^src\/.+\.ts$|^dist\/.+\.(js|d\.ts)(\.map)?$/.test(file),
    );
    expect(strange, `mend "files" in ${folder}/package.json`).toEqual([]);
    const manifest = JSON.parse((await run("tar", ["-xzOf", tarball(), "package/package.json"])).stdout);
    const { dependencies = {}, peerDependencies = {} } = manifest;
    const ranges = Object.entries({ ...dependencies, ...peerDependencies }).filter(([other]) => tarballs.has(other));
    for (const [other, range] of ranges) expect(range, other).toMatch(/^\^\d+\.\d+\.\d+$/);
  });

  it("works in a project of its own", { timeout: 180_000 }, async () => {
    const project = join(place, basename(folder));
    const write = (file: string, content: string) => writeFile(join(project, file), content);
    await run("mkdir", [project]);
    await write(
      "package.json",
      JSON.stringify({
        private: true,
        type: "module",
        dependencies: { [name]: `file:${tarball()}` },
        devDependencies: { "@types/node": nodeTypes },
        overrides: Object.fromEntries(
          [...tarballs].filter(([other]) => other !== name).map(([other, file]) => [other, `file:${file}`]),
        ),
      }),
    );
    const quiet = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
    await succeed("npm", ["install", ...quiet], project);

    await write(
      "import.mjs",
      entries.map((entry) => `import * as _${entries.indexOf(entry)} from "${entry}";\n`).join(""),
    );
    await succeed("node", ["import.mjs"], project);
    await write("require.cjs", entries.map((entry) => `require("${entry}");\n`).join(""));
    await succeed("node", ["require.cjs"], project);

    await write("consumer.ts", entries.map((entry, index) => `export * as entry${index} from "${entry}";\n`).join(""));
    const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2023", "--pretty", "false"];
    for (const resolution of [
      ["--module", "nodenext"],
      ["--module", "esnext", "--moduleResolution", "bundler"],
    ]) {
      const { output } = await run("tsc", ["consumer.ts", ...strict, ...resolution, "--types", "node"], {
        cwd: project,
      });
      // Without skipLibCheck, so that our declarations are checked; those of others are not ours to mend.
      const ours = output.split("\n").filter((line) => /^(consumer\.ts|node_modules\/@kit\/)|^error/.test(line));
      expect(ours, resolution.join(" ")).toEqual([]);
    }
  });
});

async function succeed(command: string, args: string[], cwd: string): Promise<void> {
  const { code, output } = await run(command, args, { cwd });
  expect(code, `${command} ${args.join(" ")}\n${output}`).toBe(0);
}
