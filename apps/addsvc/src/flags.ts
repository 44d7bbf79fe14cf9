import { parseArgs } from "node:util";

/** One flag: what it takes, what it is when left out, what it is for. */
export interface Flag {
  readonly value: string | boolean;
  readonly help: string;
}

/** A mistake on the command line: told in a sentence, without a stack. */
export class UsageError extends Error {}

/**
 * Reads flags, with one dash or two: go-kit's users have `-http-addr :8081` in their fingers.
 *
 * @throws {UsageError} for a flag that there is not, or a value that is missing.
 */
export function readFlags<Flags extends Record<string, Flag>>(
  flags: Flags,
  args: readonly string[],
): { readonly [Name in keyof Flags]: Flags[Name]["value"] extends boolean ? boolean : string } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [
      name,
      typeof value === "boolean"
        ? { type: "boolean" as const, default: value }
        : { type: "string" as const, default: value },
    ]),
  );
  try {
    const { values } = parseArgs({ options, args: args.map((arg) => arg.replace(/^-(?=[a-z]{2})/, "--")) });
    return values as never;
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
}

/** The flags as `--help` prints them. */
export function flagsHelp(flags: Readonly<Record<string, Flag>>): string {
  const width = Math.max(...Object.keys(flags).map((name) => name.length));
  return Object.entries(flags)
    .map(([name, { value, help }]) => {
      const fallback = typeof value === "string" && value !== "" ? ` (default ${value})` : "";
      return `  --${name.padEnd(width)}  ${help}${fallback}`;
    })
    .join("\n");
}

/** The value of a flag that is a number above zero. */
export function positive(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new UsageError(`--${name} must be a positive number, got "${value}"`);
  return number;
}

/** An address such as `:8081` or `0.0.0.0:8081`; without a host it is this machine only. */
export function addressOf(name: string, value: string): { readonly host: string; readonly port: number } {
  const match = /^(?<host>.*):(?<port>\d{1,5})$/.exec(value);
  const port = Number(match?.groups!["port"]);
  if (match === null || port > 65_535)
    throw new UsageError(`--${name} must be like :8081 or 0.0.0.0:8081, got "${value}"`);
  return { host: match.groups!["host"] || "127.0.0.1", port };
}
