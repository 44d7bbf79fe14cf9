import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { kinds, startServer, whenInstalled } from "@kit/servers";
import { beforeAll, describe, expect, it } from "vitest";

import { fences } from "../src/markdown.mjs";
import { run } from "../src/run.mjs";
import { publishedPackages, root, workspacePackages } from "../src/workspace.mjs";

// A README's ```ts blocks are programs: each must pass the type checker, and the first must run to its end by
// itself. A block without imports goes on from the first one. A ```text block right behind the first program is
// what it prints. They are put below packages/tooling, whose devDependencies are therefore what they may import.
// A first program that reads KIT_<NAME>_URL has a server of that name running while it does. What a package has generated
// from an IDL, in test/gen, lies beside its programs as ./gen.

const generated = join(root, "packages/tooling/.kit/readme");

const apps = workspacePackages().filter(({ folder }) => folder.startsWith("apps/"));
const readmes = [{ folder: "workspace", path: root }, ...publishedPackages(), ...apps]
  .filter(({ path }) => existsSync(join(path, "README.md")))
  .map(({ folder, path }) => {
    const blocks = fences(readFileSync(join(path, "README.md"), "utf8"));
    const first = blocks.findIndex(({ language }) => language === "ts");
    const opening = `${blocks[first]?.code}\n{\n`;
    const programs = blocks
      .filter(({ language }) => language === "ts")
      .map(({ code, line }, index) => {
        const place = join(folder, String(index));
        if (index === 0 || /^import /m.test(code)) return { place, source: code, shift: line };
        return { place, source: `${opening}${code}}\n`, shift: line - opening.split("\n").length + 1 };
      });
    const following = blocks[first + 1];
    const printed = following?.language === "text" ? following.code : undefined;
    const server = /\bKIT_([A-Z]+)_URL\b/.exec(programs[0]?.source ?? "")?.[1]?.toLowerCase();
    return { folder, programs, printed, server, gen: join(path, "test/gen") };
  });
type Readme = (typeof readmes)[number];

let complaints: string[];

beforeAll(async () => {
  await rm(generated, { recursive: true, force: true });
  for (const { place, source } of readmes.flatMap(({ programs }) => programs)) {
    const file = join(generated, `${place}.ts`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, source);
  }
  for (const { folder, gen } of readmes.filter((readme) => existsSync(readme.gen))) {
    await cp(gen, join(generated, folder, "gen"), { recursive: true });
    await cp(gen, join(generated, "built", folder, "gen"), { recursive: true });
  }
  const config = {
    extends: "../../../../tsconfig.base.json",
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noEmitOnError: false,
      noUnusedLocals: false,
      rootDir: ".",
      outDir: "built",
      tsBuildInfoFile: null,
    },
    include: ["apps", "packages", "workspace"],
  };
  await writeFile(join(generated, "tsconfig.json"), JSON.stringify(config));
  const { output } = await run("tsc", ["-p", generated, "--pretty", "false"], { cwd: generated });
  complaints = output.split("\n").filter((line) => line.includes("error TS"));
  if (complaints.some((line) => !/^(apps|packages|workspace)\//.test(line))) throw new Error(output);
}, 60_000);

describe.each(readmes)("$folder/README.md", ({ folder, programs }) => {
  it("has programs that pass the type checker", () => {
    const own = programs.flatMap(({ place, shift }) =>
      complaints
        .map((complaint) => /^(.+)\.ts\((\d+),\d+\): error (.+)$/.exec(complaint) ?? [])
        .filter(([, file]) => file === place)
        .map(([, , line, message]) => `${folder}/README.md:${Number(line) + shift}: ${message}`),
    );
    expect(own).toEqual([]);
  });
});

async function runFirst({ folder, programs: [first], printed }: Readme, env: object): Promise<void> {
  if (first === undefined) throw new Error(`${folder}/README.md: add a \`\`\`ts block under Use`);
  const file = join(generated, "built", `${first.place}.js`);
  const { code, stdout, output } = await run(process.execPath, [file], { env: { ...process.env, ...env } });
  expect(code, output).toBe(0);
  expect(stdout.trimEnd()).toBe((printed ?? stdout).trimEnd());
}

// Programs of apps are clients of what runs already.
const whole = readmes.filter(({ folder }) => !folder.startsWith("apps/"));

describe.each(whole.filter(({ server }) => server === undefined))("$folder/README.md", (readme) => {
  it("has a first program that runs to its end", { timeout: 30_000 }, async () => {
    await expect(runFirst(readme, {})).resolves.toBeUndefined();
  });
});

describe.each(whole.filter(({ server }) => server !== undefined))("$folder/README.md", (readme) => {
  const kind = kinds.find(({ name }) => name === readme.server);
  if (kind === undefined) throw new Error(`@kit/servers has no ${readme.server}`);
  whenInstalled(kind, () => {
    it("has a first program that runs to its end", { timeout: 90_000 }, async () => {
      await using server = await startServer(kind);
      await expect(runFirst(readme, { [`KIT_${kind.name.toUpperCase()}_URL`]: server.url })).resolves.toBeUndefined();
    });
  });
});
