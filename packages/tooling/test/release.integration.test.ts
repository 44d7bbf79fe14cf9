import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { run } from "../src/run.mjs";
import { publishedPackages, root, workspacePackages } from "../src/workspace.mjs";

// What `changeset version` makes of the changesets at hand, and of later ones, in a copy of all manifests.

const changeset = join(root, "node_modules/.bin/changeset");
let copy: string;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "kit-release-"));
  const manifests = workspacePackages().map(({ folder }) => `${folder}/package.json`);
  for (const file of ["package.json", "pnpm-workspace.yaml", ".changeset", ...manifests]) {
    await mkdir(dirname(join(copy, file)), { recursive: true });
    await cp(join(root, file), join(copy, file), { recursive: true });
  }
  await inCopy("git", "init", "--quiet", "--initial-branch=main");
  await commit();
  await inCopy(changeset, "version");
  await commit();
}, 60_000);

afterAll(() => rm(copy, { recursive: true, force: true }));

it("releases every package as 1.0.0 or later", () => {
  const early = [...versions()].filter(([, version]) => version.startsWith("0."));
  expect(early, "packages below 1.0.0 make each minor version of the core a major one of theirs").toEqual([]);
});

it.each([
  ["minor", "a minor version"],
  ["patch", "a patch"],
])("leaves the other packages alone after a core %s", { timeout: 60_000 }, async (bump) => {
  const before = versions();
  await writeFile(join(copy, ".changeset/core.md"), `---\n"@kit/endpoint": ${bump}\n---\n\nA change.\n`);
  await inCopy(changeset, "version");
  const after = versions();
  expect(after.get("@kit/endpoint")).not.toBe(before.get("@kit/endpoint"));
  after.delete("@kit/endpoint");
  before.delete("@kit/endpoint");
  expect(after).toEqual(before);
});

it("keeps ranges of the workspace in the manifests", async () => {
  const withoutCore = new Set(["@kit/endpoint", "@kit/create"]);
  const manifests = publishedPackages(copy).filter(({ manifest }) => !withoutCore.has(manifest.name));
  for (const { manifest } of manifests) {
    expect(manifest.peerDependencies, manifest.name).toHaveProperty(["@kit/endpoint"], "workspace:^");
  }
});

const versions = () => new Map(publishedPackages(copy).map(({ manifest }) => [manifest.name, manifest.version]));

async function commit(): Promise<void> {
  await inCopy("git", "add", "--all");
  await inCopy(
    "git",
    "-c",
    "user.name=kit",
    "-c",
    "user.email=kit@localhost",
    "commit",
    "--quiet",
    "--allow-empty",
    "--message=State",
  );
}

async function inCopy(command: string, ...args: string[]): Promise<void> {
  const { code, output } = await run(command, args, { cwd: copy });
  if (code !== 0) throw new Error(output);
}
