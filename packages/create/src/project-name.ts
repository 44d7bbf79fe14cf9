import { isBuiltin } from "node:module";
import { CreateError } from "./create-error.ts";

// Of the marks that a URL leaves alone, npm refuses ~ ' ! ( ) * in new names.
const pattern = /^(?:@[a-z0-9-][a-z0-9._-]*\/)?[a-z0-9-][a-z0-9._-]*$/;
const taken = new Set(["node_modules", "favicon.ico"]);

/**
 * Tells why npm would not have a package of this name.
 *
 * @returns a sentence, or nothing if npm would have it
 * @see https://github.com/npm/validate-npm-package-name
 */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "A project needs a name.";
  if (name.length > 214) return "The name is longer than the 214 characters that npm allows.";
  if (!pattern.test(name))
    return `"${name}" is not a name for npm: lower-case letters, digits and - . _ only, beginning with none of the last two.`;
  if (taken.has(name) || isBuiltin(name)) return `"${name}" is a name that npm or Node has already taken.`;
  return undefined;
}

/** @throws {CreateError} `invalid_argument` if npm would not have a package of this name */
export function checkName(name: string): void {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new CreateError("invalid_argument", problem);
}
