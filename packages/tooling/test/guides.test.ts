import { readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { fences } from "../src/markdown.mjs";
import { run } from "../src/run.mjs";
import { root } from "../src/workspace.mjs";

// The guides' ```ts blocks are whole programs. Each must pass the type checker; one with a ```text block right behind it must print that. A
// first line `// name.ts` is the file that the reader is told to save it as, which other blocks may import; a `.test.ts` is run by vitest.

const guides = join(root, "packages/docs/content");
const generated = join(root, "packages/tooling/.kit/guides");

interface Program {
  readonly name: string;
  readonly code: string;
  readonly line: number;
  readonly printed: string | undefined;
}

const pages = readdirSync(guides)
  .filter((file) => file.endsWith(".md"))
  .map((file) => {
    const blocks = fences(readFileSync(join(guides, file), "utf8"));
    const programs = blocks.flatMap(({ language, code, line }, index): Program[] => {
      if (language !== "ts") return [];
      const name = /^\/\/ (\S+)\.ts\n/.exec(code)?.[1] ?? `block-${line}`;
      const next = blocks[index + 1];
      return [{ name, code, line, printed: next?.language === "text" ? next.code : undefined }];
    });
    return { page: basename(file, ".md"), programs };
  })
  .filter(({ programs }) => programs.length > 0);

let complaints: string[];

beforeAll(async () => {
  await rm(generated, { recursive: true, force: true });
  for (const { page, programs } of pages) {
    await mkdir(join(generated, page), { recursive: true });
    for (const { name, code } of programs) await writeFile(join(generated, page, `${name}.ts`), code);
  }
  const config = {
    extends: "../../../../tsconfig.base.json",
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noEmitOnError: false,
      rootDir: ".",
      outDir: "built",
      tsBuildInfoFile: null,
    },
    include: pages.map(({ page }) => page),
  };
  await writeFile(join(generated, "tsconfig.json"), JSON.stringify(config));
  const { output } = await run("tsc", ["-p", generated, "--pretty", "false"], { cwd: generated });
  complaints = output.split("\n").filter((line) => line.includes("error TS"));
}, 60_000);

describe.each(pages)("$page", ({ page, programs }) => {
  it("has programs that pass the type checker", () => {
    expect(complaints.filter((line) => line.startsWith(`${page}/`))).toEqual([]);
  });

  it.each(programs.filter(({ printed }) => printed !== undefined))(
    "has a program in line $line that prints what it says",
    { timeout: 30_000 },
    async ({ name, printed }) => {
      const { code, stdout, output } = await run(process.execPath, [join(generated, "built", page, `${name}.js`)]);
      expect(code, output).toBe(0);
      expect(stdout.trimEnd()).toBe(printed?.trimEnd());
    },
  );

  it.each(programs.filter(({ name }) => name.endsWith(".test")))(
    "has a test in line $line that passes",
    { timeout: 90_000 },
    async ({ name }) => {
      const { code, output } = await run("vitest", ["run", "--root", join(generated, page), `${name}.ts`]);
      expect(code, output).toBe(0);
    },
  );
});
