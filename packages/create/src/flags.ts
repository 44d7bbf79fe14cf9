import { parseArgs } from "node:util";
import { CreateError } from "./create-error.ts";

export interface Flags {
  readonly name?: string;
  readonly template?: string;
  readonly folder?: string;
  readonly overwrite: boolean;
  readonly yes: boolean;
  readonly help: boolean;
}

export const flagsHelp = `  --template, -t   what to start from
  --name           the same as <name>
  --folder         where it goes (default: the name, below this folder)
  --overwrite      write into a folder that is not empty; files of the same name are replaced
  --yes, -y        ask nothing: what is not given has its default
  --help, -h       this`;

/** @throws {CreateError} `invalid_argument`, naming the flag */
export function parseFlags(args: readonly string[]): Flags {
  const { values, positionals } = parse(args);
  if (positionals.length > 1 || (positionals.length > 0 && values.name !== undefined))
    throw new CreateError("invalid_argument", `One name, not ${positionals.concat(values.name ?? []).join(", ")}.`);
  const { overwrite = false, yes = false, help = false, name = positionals[0], ...rest } = values;
  return { ...rest, ...(name !== undefined && { name }), overwrite, yes, help };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        template: { type: "string", short: "t" },
        name: { type: "string" },
        folder: { type: "string" },
        overwrite: { type: "boolean" },
        yes: { type: "boolean", short: "y" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    // Its first sentence says it; those behind are about positional arguments.
    throw new CreateError("invalid_argument", `${(error as Error).message.split(". ")[0]}.`, { cause: error });
  }
}
