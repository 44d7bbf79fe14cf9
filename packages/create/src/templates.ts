import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CreateError } from "./create-error.ts";

/** An app of the workspace, as a project of its own. */
export interface Template {
  readonly name: string;
  /** One sentence. */
  readonly description: string;
}

const folder = fileURLToPath(new URL("../templates", import.meta.url));

/** Lists the templates that this version has, by name. */
export async function templates(): Promise<readonly Template[]> {
  const names = (await readdir(folder)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const manifest = JSON.parse(await readFile(join(folder, name, "manifest.json"), "utf8")) as Template;
      return { name, description: manifest.description };
    }),
  );
}

/**
 * @returns where the template is
 * @throws {CreateError} `not_found`, with the names that there are
 */
export async function templateFolder(name: string): Promise<string> {
  const names = (await templates()).map((template) => template.name);
  if (!names.includes(name))
    throw new CreateError("not_found", `There is no template "${name}", only ${names.join(", ")}.`);
  return join(folder, name);
}
