import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

const coloured = process.stdout.isTTY && !process.env["NO_COLOR"];

function paint(style: Style, text: string): string {
  return coloured ? styleText(style, text) : text;
}

/** What the demo tells whoever started it; logs go to stderr, this to stdout. */
export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

export function title(text: string): string {
  return paint("bold", text);
}

export function faint(text: string): string {
  return paint("gray", text);
}

export function good(text: string): string {
  return paint("green", text);
}

export function bad(text: string): string {
  return paint("red", text);
}
