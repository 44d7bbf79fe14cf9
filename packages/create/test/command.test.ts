import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

import { describe, expect, it } from "vitest";

import { command } from "../src/command.ts";
import { templates } from "../src/templates.ts";
import { temporaryFolder } from "./folder.ts";

const known = await templates();
const template = "addsvc";
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

/** Runs the program as a package manager does, with nobody at a terminal. */
async function run(cwd: string, args: readonly string[], userAgent = "npm/11.19.1") {
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { npm_config_user_agent: userAgent } });
  child.stdin.end();
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { out, errors, code };
}

describe("unattended", () => {
  it("writes the project and says what comes next", async () => {
    const folder = await temporaryFolder();
    const { out, errors, code } = await run(folder, ["shop", "--template", template]);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(out).toBe(`shop starts from ${template}. Next:\n\n  cd shop\n  npm install\n  npm start\n`);
    expect(await readdir(folder)).toEqual(["shop"]);
  });

  it("has defaults for everything", async () => {
    const folder = await temporaryFolder();
    const { out, code } = await run(folder, ["--yes"], "pnpm/12.21.0 npm/?");
    const [first] = known;
    expect(code).toBe(0);
    expect(out).toContain(`\n  cd ${first?.name}\n  pnpm install\n  pnpm start\n`);
  });

  it("speaks Yarn with Yarn, which builds only when told to", async () => {
    const folder = await temporaryFolder();
    const { out } = await run(folder, ["--name=shop", "-t", template, "--folder=."], "yarn/4.18.1 npm/?");
    expect(out).toContain("Next:\n\n  yarn install\n  yarn build\n  yarn start\n");
    expect(await readdir(folder)).toContain(".yarnrc.yml");
  });

  it("lists flags and templates", async () => {
    const { out, code } = await run(await temporaryFolder(), ["--help"]);
    expect(code).toBe(0);
    for (const { name, description } of known) expect(out).toMatch(new RegExp(`^  ${name} +${description}$`, "m"));
  });

  it.each([
    [[], "There is no terminal to ask on: give a name and --template, or --yes for what they are by default."],
    [["shop"], "There is no terminal to ask on"],
    [["--template", template], "There is no terminal to ask on"],
    [["shop", "--template", "nope"], `There is no template "nope", only `],
    [["Shop", "--template", template], '"Shop" is not a name for npm'],
    [["--yes", "--name="], "A project needs a name."],
    [["shop", "--nope"], "Unknown option '--nope'."],
    [["shop", "--template"], "Option '-t, --template <value>' argument missing."],
    [["shop", "--yes=1", "--template", template], "Option '-y, --yes' does not take an argument."],
    [["shop", "stall", "--template", template], "One name, not shop, stall."],
    [["shop", "--name", "stall", "--template", template], "One name, not shop, stall."],
  ])("says what is wrong with %j", async (args, message) => {
    const folder = await temporaryFolder();
    const { out, errors, code } = await run(folder, args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(errors).toContain(message);
    expect(errors.trimEnd().split("\n")).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([[[]], [["--yes"]]])("does not overwrite with %j", async (more) => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "shop"));
    await writeFile(join(folder, "shop/README.md"), "mine");
    const { errors, code } = await run(folder, ["shop", "--template", template, ...more]);
    expect(code).toBe(1);
    expect(errors).toMatch(/shop is not empty\. Name another folder, or allow --overwrite\.\n$/);
    expect(await readFile(join(folder, "shop/README.md"), "utf8")).toBe("mine");
  });

  it("overwrites with --overwrite", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "shop"));
    await writeFile(join(folder, "shop/README.md"), "old");
    const { code } = await run(folder, ["shop", "--template", template, "--overwrite"]);
    expect(code).toBe(0);
    expect(await readFile(join(folder, "shop/README.md"), "utf8")).toMatch(/^# shop\n/);
  });

  it("says that a file is where a folder would be", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "src"), "");
    const { errors, code } = await run(folder, ["shop", "--template", template, "--folder=.", "--overwrite"]);
    expect(code).toBe(1);
    expect(errors).toMatch(/^The project could not be written: E\w+, mkdir .+src.*\.\n$/);
  });
});

describe("at a terminal", () => {
  const enter = "\r";
  const down = "\u001b[B";
  const breakOff = "\u0003";

  /** Gives each answer when its question is there. */
  async function dialogue(args: readonly string[], answers: readonly (readonly [question: string, keys: string])[]) {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 40 });
    const left = [...answers];
    let shown = "";
    output.on("data", (chunk: Buffer) => {
      shown += stripVTControlCharacters(chunk.toString());
      const [next] = left;
      if (next === undefined || !shown.includes(next[0])) return;
      left.shift();
      shown = "";
      setImmediate(() => input.write(next[1]));
    });
    let errors = "";
    const shell = { input, output, errors: { write: (line: string) => (errors += line) }, userAgent: undefined };
    const code = await command(args, shell);
    expect(left).toEqual([]);
    return { code, errors, shown };
  }

  it("asks for what it was not told", async () => {
    const folder = join(await temporaryFolder(), "x");
    const last = known.at(-1)?.name ?? "";
    const { code, shown } = await dialogue(
      ["--folder", folder],
      [
        ["Which template?", down.repeat(known.length - 1) + enter],
        ["What is the project called?", `shop${enter}`],
      ],
    );
    expect(code).toBe(0);
    expect(shown).toContain(`shop starts from ${last}. Next:`);
    expect(JSON.parse(await readFile(join(folder, "package.json"), "utf8"))).toMatchObject({ name: "shop" });
  });

  it("offers the template's name", async () => {
    const folder = join(await temporaryFolder(), "x");
    const { code, shown } = await dialogue(
      ["--folder", folder, "-t", template],
      [["What is the project called?", enter]],
    );
    expect(code).toBe(0);
    expect(shown).toContain(`${template} starts from ${template}.`);
  });

  it("asks again for a name that npm does not allow", async () => {
    const folder = join(await temporaryFolder(), "x");
    const { code } = await dialogue(
      ["--folder", folder, "-t", template],
      [
        ["What is the project called?", `Shop${enter}`],
        ['"Shop" is not a name for npm', `\u0015shop${enter}`],
      ],
    );
    expect(code).toBe(0);
    expect(JSON.parse(await readFile(join(folder, "package.json"), "utf8"))).toMatchObject({ name: "shop" });
  });

  it("asks nothing that it knows to be wrong", async () => {
    const { code, errors } = await dialogue(["-t", "nope"], []);
    expect(code).toBe(2);
    expect(errors).toContain('There is no template "nope"');
  });

  it.each([
    ["no, by default", enter, 130],
    ["yes", `y${enter}`, 0],
    ["nothing but Ctrl-C", breakOff, 130],
  ])("asks before it overwrites, and hears %s", async (_, keys, expected) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "README.md"), "mine");
    const { code, errors } = await dialogue(
      ["shop", "-t", template, "--folder", folder],
      [["is not empty. Write into it", keys]],
    );
    expect(code).toBe(expected);
    expect(errors).toBe(expected === 0 ? "" : "Nothing was written.\n");
    const readme = await readFile(join(folder, "README.md"), "utf8");
    expect(readme === "mine").toBe(expected !== 0);
  });

  it.each([["Which template?"], ["What is the project called?"]])("ends at Ctrl-C when asked %j", async (question) => {
    const folder = join(await temporaryFolder(), "x");
    const args = question.startsWith("Which") ? [] : ["-t", template];
    const { code, errors } = await dialogue(["--folder", folder, ...args], [[question, breakOff]]);
    expect({ code, errors }).toEqual({ code: 130, errors: "Nothing was written.\n" });
  });
});
