import type { Fields } from "./logger.ts";

/** How much a record matters: what its field `level` says. */
export type Level = "debug" | "info" | "warn" | "error";

/** 1 to 4, or 0 for what is no level. */
export function rank(level: unknown): number {
  switch (level) {
    case "debug":
      return 1;
    case "info":
      return 2;
    case "warn":
      return 3;
    case "error":
      return 4;
    default:
      return 0;
  }
}

/** The level that the fields name, if they name one of the four. */
export function levelOf(fields: Fields | undefined): Level | undefined {
  try {
    const level = fields?.["level"];
    return rank(level) === 0 ? undefined : (level as Level);
  } catch {
    return undefined;
  }
}

/**
 * The level that a text names, in any case and with blanks around it: for flags and environment variables.
 *
 * @param fallback - what to return for a text that is none, or absent.
 * @throws {TypeError} for such a text when there is no fallback.
 */
export function parseLevel(text: string | undefined, fallback?: Level): Level {
  const level = text?.trim().toLowerCase();
  if (rank(level) !== 0) return level as Level;
  if (fallback !== undefined) return fallback;
  throw new TypeError(`parseLevel: level must be debug, info, warn or error, got ${JSON.stringify(text)}`);
}
