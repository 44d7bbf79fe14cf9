import { relative, resolve } from "node:path";
import { CreateError } from "./create-error.ts";
import { type Flags, flagsHelp, parseFlags } from "./flags.ts";
import { type PackageManager, packageManagerOf } from "./package-manager.ts";
import { createProject, defaultFolder, isOccupied } from "./project.ts";
import { checkName } from "./project-name.ts";
import { askName, askOverwrite, askTemplate, Cancelled, type Terminal } from "./questions.ts";
import { type Template, templateFolder, templates } from "./templates.ts";

/** What a command has around it. */
export interface Shell extends Terminal {
  /** Where what goes wrong is told. */
  readonly errors: { write(text: string): unknown };
  /** The environment's `npm_config_user_agent`, by which it is known who runs this. */
  readonly userAgent: string | undefined;
}

/**
 * The command: asks for what it was not told, then writes the project.
 *
 * @returns the exit code: 0 when the project is there, 1 if it was refused, 2 for wrong arguments, 130 if the user broke off
 */
export async function command(args: readonly string[], shell: Shell): Promise<number> {
  const { input, output, errors, userAgent } = shell;
  const packageManager = packageManagerOf(userAgent);
  try {
    const flags = parseFlags(args);
    const known = await templates();
    if (flags.help) {
      output.write(usage(known));
      return 0;
    }
    const decided = await decide(flags, known, { input, output });
    const { name, folder } = await createProject({ ...decided, packageManager });
    output.write(`${name} starts from ${decided.template}. Next:\n\n${nextSteps(folder, packageManager)}`);
    return 0;
  } catch (error) {
    if (error instanceof Cancelled) {
      errors.write(`${error.message}\n`);
      return 130;
    }
    if (error instanceof CreateError) {
      errors.write(`${error.message}\n`);
      return error.code === "already_exists" ? 1 : 2;
    }
    const { code, syscall, path, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    errors.write(
      `The project could not be written: ${path === undefined ? message : `${code}, ${syscall} ${path}`}.\n`,
    );
    return 1;
  }
}

async function decide(flags: Flags, known: readonly Template[], terminal: Terminal) {
  const canAsk = !flags.yes && terminal.input.isTTY === true && terminal.output.isTTY === true;
  if (!canAsk && !flags.yes && (flags.template === undefined || flags.name === undefined))
    throw new CreateError(
      "invalid_argument",
      "There is no terminal to ask on: give a name and --template, or --yes for what they are by default.",
    );
  // Before the first question, so that nobody answers in vain.
  if (flags.name !== undefined) checkName(flags.name);
  if (flags.template !== undefined) await templateFolder(flags.template);

  const [first] = known;
  const template = flags.template ?? (canAsk ? await askTemplate(terminal, known) : (first?.name ?? ""));
  const name = flags.name ?? (canAsk ? await askName(terminal, template) : template);
  const folder = resolve(flags.folder ?? defaultFolder(name));
  const asksOverwrite = canAsk && !flags.overwrite && (await isOccupied(folder));
  if (asksOverwrite && !(await askOverwrite(terminal, folder))) throw new Cancelled("Nothing was written.");
  return { template, name, folder, overwrite: flags.overwrite || asksOverwrite };
}

function usage(known: readonly Template[]): string {
  const width = Math.max(...known.map(({ name }) => name.length));
  return `npm create @kit -- [<name>] [flags]

${flagsHelp}

Templates:
${known.map(({ name, description }) => `  ${name.padEnd(width)}   ${description}\n`).join("")}`;
}

function nextSteps(folder: string, manager: PackageManager): string {
  const place = relative(process.cwd(), folder);
  const steps = [
    ...(place === "" ? [] : [`cd ${place}`]),
    `${manager} install`,
    // Yarn does not run what is to run before a start.
    ...(manager === "yarn" ? ["yarn build"] : []),
    `${manager} start`,
  ];
  return steps.map((step) => `  ${step}\n`).join("");
}
