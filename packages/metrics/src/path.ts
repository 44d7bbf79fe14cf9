import type { Labels } from "./metrics.ts";

const pathName = /^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*$/;

/**
 * The name of a series where a backend has no labels: `name.label.value`, in the order they were declared. Every character of a value
 * that is no letter, digit, `_` or `-` becomes `_`, so values that differ in nothing else share a series.
 */
export function pathOf(name: string, labels: Labels): string {
  let path = name;
  for (const [label, value] of Object.entries(labels)) path += `.${label}.${value.replace(/[^\w-]/g, "_")}`;
  return path;
}

/** @throws {TypeError} when a name or a label cannot stand in a path. */
export function requireName(provider: string, name: string, labels: readonly string[] = []): void {
  if (!pathName.test(name)) {
    throw new TypeError(
      `${provider}: "${name}" cannot be a name: only letters, digits, "_", "-" and single dots within`,
    );
  }
  const wrong = labels.find((label) => !/^[\w-]+$/.test(label));
  if (wrong !== undefined) {
    throw new TypeError(`${provider}: "${wrong}" cannot be a label of "${name}": only letters, digits, "_" and "-"`);
  }
}
