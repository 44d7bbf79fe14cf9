import { lstat, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { CreateError, createProject, templates } from "../src/index.ts";
import { temporaryFolder } from "./folder.ts";

const known = await templates();
const template = "addsvc";

/** Every file below a folder, as paths from it. */
async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

const read = async (folder: string, file: string) => JSON.parse(await readFile(join(folder, file), "utf8"));

describe("templates", () => {
  it("are known by name, with a sentence each", () => {
    expect(known.map(({ name }) => name)).toContain("addsvc");
    for (const { description } of known) expect(description).toMatch(/^[A-Z].+\.$/);
  });
});

describe.each(known)("a project from $name", ({ name: from }) => {
  it("is all of the template, under its own name", async () => {
    const folder = join(await temporaryFolder(), "shop");
    const project = await createProject({ template: from, name: "@acme/shop", folder });
    expect(project).toMatchObject({ name: "@acme/shop", folder });
    expect(project.files).toEqual(await files(folder));
    expect(project.files).toEqual(expect.arrayContaining([".gitignore", "README.md", "package.json", "tsconfig.json"]));
    expect(project.files).not.toContain("gitignore");
    const manifest = await read(folder, "package.json");
    expect(manifest).toMatchObject({ name: "@acme/shop", private: true, type: "module" });
    expect(await readFile(join(folder, "README.md"), "utf8")).toMatch(/^# @acme\/shop\n/);
  });
});

describe("a project", () => {
  it("goes below the current folder, without its scope", async () => {
    const folder = await temporaryFolder();
    const before = process.cwd();
    process.chdir(folder);
    try {
      const project = await createProject({ template, name: "@acme/shop" });
      expect(project.folder).toBe(join(process.cwd(), "shop"));
    } finally {
      process.chdir(before);
    }
    expect(await readdir(folder)).toEqual(["shop"]);
  });

  it("goes into a folder that is empty, or has but a repository's beginning", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, ".git"));
    await expect(createProject({ template, name: "shop", folder })).resolves.toMatchObject({ folder });
  });

  it("leaves a folder alone that has something in it", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "package.json"), "mine");
    const refused = createProject({ template, name: "shop", folder });
    await expect(refused).rejects.toThrow(`${folder} is not empty. Name another folder, or allow --overwrite.`);
    await expect(refused).rejects.toMatchObject({ name: "CreateError", code: "already_exists" });
    expect(await readdir(folder)).toEqual(["package.json"]);
    expect(await readFile(join(folder, "package.json"), "utf8")).toBe("mine");
  });

  it("replaces what has its files' names when told to, and nothing else", async () => {
    const folder = await temporaryFolder();
    const elsewhere = join(await temporaryFolder(), "README.md");
    await writeFile(elsewhere, "not in the project");
    await symlink(elsewhere, join(folder, "README.md"));
    await writeFile(join(folder, "package.json"), "old");
    await writeFile(join(folder, "notes.txt"), "mine");
    await createProject({ template, name: "shop", folder, overwrite: true });
    expect(await read(folder, "package.json")).toMatchObject({ name: "shop" });
    expect(await readFile(join(folder, "notes.txt"), "utf8")).toBe("mine");
    expect((await lstat(join(folder, "README.md"))).isFile()).toBe(true);
    expect(await readFile(elsewhere, "utf8")).toBe("not in the project");
  });

  it("does not take the place of a file", async () => {
    const folder = join(await temporaryFolder(), "shop");
    await writeFile(folder, "");
    const refused = createProject({ template, name: "shop", folder, overwrite: true });
    await expect(refused).rejects.toBeInstanceOf(CreateError);
    await expect(refused).rejects.toThrow(`${folder} is not a folder.`);
  });

  it.each([
    [{ template: "nope", name: "shop" }, "not_found", `There is no template "nope", only `],
    [{ template: "../..", name: "shop" }, "not_found", "There is no template"],
    [{ template: "", name: "shop" }, "not_found", "There is no template"],
    [{ template, name: "Shop" }, "invalid_argument", '"Shop" is not a name for npm'],
    [{ template, name: "../shop" }, "invalid_argument", "is not a name for npm"],
    [{ template, name: "zod" }, "invalid_argument", '"zod" is a package that the template itself needs.'],
    [{ template, name: "vitest" }, "invalid_argument", "that the template itself needs."],
  ])("is refused: %j", async (options, code, message) => {
    const folder = join(await temporaryFolder(), "shop");
    const refused = createProject({ ...options, folder });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(lstat(folder)).rejects.toThrow("ENOENT");
  });

  it("has the settings of the package manager that it is for", async () => {
    const folder = await temporaryFolder();
    const make = (packageManager: "npm" | "pnpm" | "yarn") =>
      createProject({ template: "addsvc", name: "shop", folder: join(folder, packageManager), packageManager });
    const [npm, pnpm, yarn] = await Promise.all([make("npm"), make("pnpm"), make("yarn")]);
    expect(await read(npm.folder, "package.json")).toHaveProperty("allowScripts.protobufjs", false);
    expect(await read(pnpm.folder, "package.json")).not.toHaveProperty("allowScripts");
    expect(pnpm.files.filter((file) => !npm.files.includes(file))).toEqual(["pnpm-workspace.yaml"]);
    expect(await readFile(join(yarn.folder, ".gitignore"), "utf8")).toMatch(/^node_modules\/\n(.*\n)*\.yarn\/\n$/);
    expect(yarn.files.filter((file) => !npm.files.includes(file))).toEqual([".yarnrc.yml", "yarn.lock"]);
  });
});
