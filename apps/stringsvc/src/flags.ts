import { parseArgs } from "node:util";

/**
 * Reads flags that each take a text, with one dash or two: go-kit's users have `-listen=:8081` in their fingers. For a flag that there is
 * not, or a value that is missing, it says so and ends the process.
 *
 * @param defaults - what each flag is when left out.
 */
export function readFlags<Flags extends Readonly<Record<string, string>>>(
  defaults: Flags,
): { readonly [Name in keyof Flags]: string } {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: "string" as const, default: value }]),
  );
  const args = process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-z]{2})/, "--"));
  try {
    return parseArgs({ args, options }).values as { [Name in keyof Flags]: string };
  } catch (error) {
    const usage = Object.entries(defaults).map(([name, value]) => `[--${name} ${value || "…"}]`);
    return quit(`${(error as Error).message.split(". ")[0]}\nusage: npm run <step> -- ${usage.join(" ")}`);
  }
}

/** Ends the process over a mistake that its user can mend: a sentence, no stack. */
export function quit(message: string): never {
  process.stderr.write(`stringsvc: ${message}\n`);
  process.exit(2);
}
