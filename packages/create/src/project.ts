import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CreateError } from "./create-error.ts";
import { type NpmSettings, type PackageManager, settingsFor } from "./package-manager.ts";
import { checkName } from "./project-name.ts";
import { templateFolder } from "./templates.ts";

export interface CreateProjectOptions {
  /** One of {@link templates}. */
  readonly template: string;
  /** The name in its `package.json`, which npm must allow. */
  readonly name: string;
  /** Where it goes. @default the name without its scope, below the current folder, as users expect of `npm create` */
  readonly folder?: string;
  /**
   * Whether to write into a folder that has something in it already. Files of the template replace those of the same
   * name; all others stay. @default false, so that nothing is lost without a yes
   */
  readonly overwrite?: boolean;
  /** Whom it is installed with. @default "npm", which comes with Node */
  readonly packageManager?: PackageManager;
}

export interface Project {
  readonly name: string;
  /** Where it is, absolute. */
  readonly folder: string;
  /** What was written, as paths from its folder. */
  readonly files: readonly string[];
}

interface Manifest extends NpmSettings {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/**
 * Writes a project that installs, starts and passes its tests. Nothing is installed, and nothing is written if it
 * is refused.
 *
 * @throws {CreateError} `invalid_argument` for a name that npm does not take, `not_found` for a template that does not
 *   exist, `already_exists` if the folder is not empty and `overwrite` is not set, or is a file
 * @example
 * await createProject({ template: "addsvc", name: "shop" });
 */
export async function createProject(options: CreateProjectOptions): Promise<Project> {
  const { template, name, overwrite = false, packageManager = "npm" } = options;
  checkName(name);
  const folder = resolve(options.folder ?? defaultFolder(name));
  const content = await contentOf(await templateFolder(template), name, packageManager);
  if ((await isOccupied(folder)) && !overwrite)
    throw new CreateError("already_exists", `${folder} is not empty. Name another folder, or allow --overwrite.`);
  for (const [file, text] of content) {
    const path = join(folder, file);
    await mkdir(dirname(path), { recursive: true });
    // What a link points to is not ours to replace.
    if (overwrite) await rm(path, { force: true });
    await writeFile(path, text, { flag: "wx" });
  }
  return { name, folder, files: [...content.keys()].toSorted() };
}

/** @returns the folder of a project that has only a name */
export const defaultFolder = (name: string): string => name.replace(/^@.*\//, "");

/**
 * @returns whether anything but a repository's beginning is there
 * @throws {CreateError} `already_exists` if it is no folder
 */
export async function isOccupied(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).some((name) => name !== ".git");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return false;
    if (code === "ENOTDIR") throw new CreateError("already_exists", `${folder} is not a folder.`, { cause: error });
    throw error;
  }
}

/** npm leaves a .gitignore out of what it publishes, and a package.json below another one means nothing. */
const renamed = new Map([
  ["gitignore", ".gitignore"],
  ["manifest.json", "package.json"],
]);

async function contentOf(template: string, name: string, manager: PackageManager): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  // Under this name it may import itself.
  const nameOfTemplate = `@kit-apps/${basename(template)}`;
  for (const file of await filesBelow(template)) {
    const text = (await readFile(join(template, file), "utf8")).replaceAll(nameOfTemplate, name);
    content.set(renamed.get(file) ?? file, text);
  }
  const { overrides, allowScripts, ...manifest } = JSON.parse(content.get("package.json") ?? "") as Manifest;
  if (name in manifest.dependencies || name in manifest.devDependencies)
    throw new CreateError("invalid_argument", `"${name}" is a package that the template itself needs.`);
  const settings = settingsFor(manager, { overrides, allowScripts });
  content
    .set("package.json", `${JSON.stringify({ ...manifest, ...settings.manifest }, null, 2)}\n`)
    .set(".gitignore", `${content.get(".gitignore") ?? ""}${settings.ignored}`)
    .set("README.md", (content.get("README.md") ?? "").replace(/^# .*/, `# ${name}`));
  for (const [file, text] of Object.entries(settings.files)) content.set(file, text);
  return content;
}

// By hand, since Yarn's archives know nothing of readdir's `recursive`.
async function filesBelow(folder: string, below = ""): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const found = entries.map(async (entry) => {
    const path = join(below, entry.name);
    return entry.isDirectory() ? filesBelow(folder, path) : [path];
  });
  return (await Promise.all(found)).flat().toSorted();
}
