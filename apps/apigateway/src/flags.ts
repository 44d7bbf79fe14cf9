import { parseArgs } from "node:util";

/** One flag: what it takes, what it is when left out, what it is for. */
export interface Flag {
  readonly value: string | boolean;
  readonly help: string;
}

/** A mistake on the command line: told in a sentence, without a stack. */
export class UsageError extends Error {}

/**
 * Reads flags, with one dash or two, and with dots or dashes between their words: go-kit's users have `-http.addr :8000` in their fingers.
 *
 * @throws {UsageError} for a flag that there is not, or a value that is missing.
 */
export function readFlags<Flags extends Record<string, Flag>>(
  flags: Flags,
  args: readonly string[],
): FlagValues<Flags> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [
      name,
      typeof value === "boolean"
        ? { type: "boolean" as const, default: value }
        : { type: "string" as const, default: value },
    ]),
  );
  try {
    const spelled = args.map((arg) =>
      arg.replace(/^--?([a-z][a-z.-]+)/, (_, name: string) => `--${name.replaceAll(".", "-")}`),
    );
    return parseArgs({ options, args: spelled, allowPositionals: false }).values as never;
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
}

/** What was said of each flag, or its default. */
export type FlagValues<Flags extends Record<string, Flag>> = {
  readonly [Name in keyof Flags]: Flags[Name]["value"] extends boolean ? boolean : string;
};

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

/** Where to listen, and the flag that says so. */
export interface Address {
  readonly flag: string;
  readonly host: string;
  readonly port: number;
}

/** An address such as `:8000` or `0.0.0.0:8000`; without a host it is this machine only. */
export function addressOf(name: string, value: string): Address {
  const match = /^(?<host>.*):(?<port>\d{1,5})$/.exec(value);
  const port = Number(match?.groups!["port"]);
  if (match === null || port > 65_535)
    throw new UsageError(`--${name} must be like :8000 or 0.0.0.0:8000, got "${value}"`);
  return { flag: name, host: match.groups!["host"] || "127.0.0.1", port };
}

/** The value of a flag that is a number above zero. */
export function positive(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new UsageError(`--${name} must be a positive number, got "${value}"`);
  return number;
}

const unitMs: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1_000 };

/** The value of a flag that is a time, such as `500ms`, `2s` or a number of milliseconds. */
export function duration(name: string, value: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|)$/.exec(value);
  const ms = match === null ? 0 : Number(match[1]) * unitMs[match[2]!]!;
  if (!(ms > 0)) throw new UsageError(`--${name} must be like 500ms or 2s, got "${value}"`);
  return ms;
}
