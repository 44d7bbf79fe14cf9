import { optionError } from "@kit/sd";

/** @throws {TypeError} unless it is the path of a node below the root. */
export function requirePath(option: string, path: unknown): string {
  const isPath =
    typeof path === "string" &&
    /^(?:\/[^/\0]+)+$/.test(path) &&
    !path.split("/").some((name) => name === "." || name === "..");
  if (!isPath) throw optionError(option, "the path of a node, such as /services/addsvc", path);
  return path;
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
