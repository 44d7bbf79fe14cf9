import { parseArgs } from "node:util";

/** One flag: what it is when left out, and what it is for. */
export interface Flag {
  readonly value: string;
  readonly help: string;
}

/** A mistake on the command line: told in a sentence, without a stack. */
export class UsageError extends Error {}

/**
 * Reads flags, with one dash or two, and with dots for dashes: go-kit's users have `-http.addr :8081` in their fingers.
 *
 * @throws {UsageError} for a flag that there is not, or a value that is missing.
 */
export function readFlags<Flags extends Readonly<Record<string, Flag>>>(
  flags: Flags,
  args: readonly string[],
): { readonly [Name in keyof Flags]: string } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [name, { type: "string" as const, default: value }]),
  );
  const spelled = args.map((arg) =>
    arg.replace(/^--?([a-z][a-z.-]+)/, (_, name: string) => `--${name.replaceAll(".", "-")}`),
  );
  try {
    return parseArgs({ options, args: spelled }).values as { [Name in keyof Flags]: string };
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
}

/** The flags as `--help` prints them. */
export function flagsHelp(flags: Readonly<Record<string, Flag>>): string {
  const width = Math.max(...Object.keys(flags).map((name) => name.length));
  return Object.entries(flags)
    .map(([name, { value, help }]) => `  --${name.padEnd(width)}  ${help}${value === "" ? "" : ` (default ${value})`}`)
    .join("\n");
}

/** Where to listen: an address such as `:8081` or `0.0.0.0:8081`; without a host it is this machine only. */
export function addressOf(name: string, value: string): { readonly host: string; readonly port: number } {
  const [, host = "", digits = ""] = /^(.*):(\d{1,5})$/.exec(value) ?? [];
  const port = Number(digits);
  if (digits === "" || port > 65_535) {
    throw new UsageError(`--${name} must be like :8081 or 0.0.0.0:8081, got "${value}"`);
  }
  return { host: host || "127.0.0.1", port };
}
