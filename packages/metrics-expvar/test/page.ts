/** A number on a page, by the values of its labels in the order they were declared. */
export function find(page: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  let found: unknown = JSON.parse(page)[name];
  for (const value of Object.values(labels)) found = (found as Record<string, unknown> | undefined)?.[value];
  // Labels declared after those asked for were not given.
  while (typeof found === "object" && found !== null) found = (found as Record<string, unknown>)[""];
  return found as number | undefined;
}
