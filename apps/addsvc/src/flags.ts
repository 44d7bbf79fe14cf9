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
): FlagValues<Flags> {
  return read(flags, args, false).flags;
}

/** The same where words may stand besides; what looks like a negative number is one. */
export function readCommand<Flags extends Record<string, Flag>>(flags: Flags, args: readonly string[]): Command<Flags> {
  const isNumber = (arg: string): boolean => /^-\d+$/.test(arg);
  const first = args.findIndex(isNumber);
  return first === -1 ? read(flags, args, true) : read(flags, args.toSpliced(first, 0, "--"), true);
}

/** What was said of each flag, or its default. */
export type FlagValues<Flags extends Record<string, Flag>> = {
  readonly [Name in keyof Flags]: Flags[Name]["value"] extends boolean ? boolean : string;
};

interface Command<Flags extends Record<string, Flag>> {
  readonly flags: FlagValues<Flags>;
  readonly words: readonly string[];
}

function read<Flags extends Record<string, Flag>>(
  flags: Flags,
  args: readonly string[],
  allowPositionals: boolean,
): Command<Flags> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [
      name,
      typeof value === "boolean"
        ? { type: "boolean" as const, default: value }
        : { type: "string" as const, default: value },
    ]),
  );
  try {
    const spelled = args.map((arg) => arg.replace(/^-(?=[a-z]{2})/, "--"));
    const { values, positionals } = parseArgs({ options, args: spelled, allowPositionals });
    return { flags: values as never, words: positionals };
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

/** Where to listen, and the flag that says so. */
export interface Address {
  readonly flag: string;
  readonly host: string;
  readonly port: number;
}

/** An address such as `:8081` or `0.0.0.0:8081`; without a host it is this machine only. */
export function addressOf(name: string, value: string): Address {
  const match = /^(?<host>.*):(?<port>\d{1,5})$/.exec(value);
  const port = Number(match?.groups!["port"]);
  if (match === null || port > 65_535)
    throw new UsageError(`--${name} must be like :8081 or 0.0.0.0:8081, got "${value}"`);
  return { flag: name, host: match.groups!["host"] || "127.0.0.1", port };
}
