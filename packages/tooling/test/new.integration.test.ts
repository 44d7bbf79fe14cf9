import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { run } from "../src/run.mjs";
import { root } from "../src/workspace.mjs";

// The generator, in a copy of the tree: what it makes must pass all that every other package passes.

const leftOut = new Set(["node_modules", "dist", "coverage", ".turbo", ".kit", ".git"]);
let copy: string;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "kit-new-"));
  await cp(root, copy, { recursive: true, filter: (from) => !leftOut.has(basename(from)) });
}, 60_000);

afterAll(() => rm(copy, { recursive: true, force: true }));

const generate = (...args: string[]) => run("node", ["packages/tooling/bin/new.mjs", ...args], { cwd: copy });

it.each([
  [["unheard", "nacos"], '"unheard" is none of the families auth, circuitbreaker, log,'],
  [["constructor", "nacos"], '"constructor" is none of the families'],
  [["sd"], '"" is not a word of lower-case letters and digits'],
  [["sd", "Na-cos"], '"Na-cos" is not a word of lower-case letters and digits'],
  [["sd", "file"], "packages/sd-file exists already."],
])("refuses %j and says why", async (args, reason) => {
  const { code, output } = await generate(...args);
  expect(code).toBe(1);
  expect(output).toContain(reason);
});

it("makes packages that build and pass every test at once", { timeout: 300_000 }, async () => {
  const made = ["auth", "log", "metrics", "sd", "transport"];
  for (const family of made) {
    const { code, output } = await generate(family, "nacos");
    expect(code, output).toBe(0);
  }
  const filters = [...made.map((family) => `--filter=@kit/${family}-nacos`), "--filter=@kit/tooling"];
  const tested = await run("node", ["packages/tooling/bin/test.mjs", ...filters], { cwd: copy });
  expect(tested.code, tested.output).toBe(0);
  const checked = await run("pnpm", ["exec", "turbo", "run", "typecheck", "lint:package", ...filters], { cwd: copy });
  expect(checked.code, checked.output).toBe(0);
});
