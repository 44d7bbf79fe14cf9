import { type Fields, read } from "@kit/log";

/** The sixteen colours that any terminal has, dark ones first; what they look like is the terminal's. */
const colors = [
  "black",
  "darkRed",
  "darkGreen",
  "brown",
  "darkBlue",
  "darkMagenta",
  "darkCyan",
  "gray",
  "darkGray",
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan",
  "white",
] as const;

/** @see go-kit log/term/colorlogger.go, Color */
export type Color = (typeof colors)[number];

/** How a line looks. What is left out is the terminal's default. */
export interface Style {
  readonly text?: Color;
  readonly background?: Color;
}

/**
 * The style that a field's value has: `colorBy("level", { error: { text: "red" } })`, `colorBy("component", …)`. A value that is not
 * listed has none.
 *
 * @throws {TypeError} when a colour is none of the sixteen.
 */
export function colorBy(field: string, styles: Readonly<Record<string, Style>>): (fields: Fields) => Style | undefined {
  for (const style of Object.values(styles)) escapesOf(style);
  return (fields) => {
    const value = read(fields, field);
    return typeof value === "string" && Object.hasOwn(styles, value) ? styles[value] : undefined;
  };
}

/** What ends every style. */
export const reset = "\u001b[39;49;22m";

/**
 * What a terminal has to be sent for the style; nothing for none.
 *
 * @throws {TypeError} when a colour is none of the sixteen.
 */
export function escapesOf(style: Style | undefined): string {
  return style === undefined ? "" : escapeOf(3, style.text) + escapeOf(4, style.background);
}

function escapeOf(place: 3 | 4, color: Color | undefined): string {
  if (color === undefined) return "";
  const index = colors.indexOf(color);
  if (index === -1) throw new TypeError(`termLogger: color must be one of ${colors.join(", ")}, got ${color}`);
  return `\u001b[${place}${index % 8}${index < 8 ? "" : ";1"}m`;
}
