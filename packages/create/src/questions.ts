import type { Readable, Writable } from "node:stream";
import { confirm, isCancel, select, text } from "@clack/prompts";
import { nameProblem } from "./project-name.ts";
import type { Template } from "./templates.ts";

/** Where questions are asked. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & { readonly isTTY?: boolean };
}

/** Who is asked has had enough: Ctrl-C or Escape. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

export const askTemplate = async (terminal: Terminal, known: readonly Template[]): Promise<string> =>
  answer(
    select({
      ...terminal,
      message: "Which template?",
      options: known.map(({ name, description }) => ({ value: name, label: name, hint: description })),
    }),
  );

export const askName = async (terminal: Terminal, byDefault: string): Promise<string> =>
  answer(
    text({
      ...terminal,
      message: "What is the project called?",
      placeholder: byDefault,
      defaultValue: byDefault,
      validate: (name = "") => nameProblem(name === "" ? byDefault : name),
    }),
  );

export const askOverwrite = async (terminal: Terminal, folder: string): Promise<boolean> =>
  answer(
    confirm({
      ...terminal,
      message: `${folder} is not empty. Write into it, and replace files of the same name?`,
      initialValue: false,
    }),
  );

async function answer<Given>(given: Promise<Given>): Promise<Exclude<Given, symbol>> {
  const value = await given;
  if (isCancel(value)) throw new Cancelled("Nothing was written.");
  return value as Exclude<Given, symbol>;
}
