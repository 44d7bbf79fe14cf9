import { bind, type Level, levelFilter, type Logger, logfmtLogger, parseLevel, timestamp } from "@kit/log";
import type { Flag } from "./flags.ts";

export const logFlags = {
  "log-level": { value: "info", help: "debug, info, warn or error" },
} satisfies Record<string, Flag>;

export function levelFlag(flags: Readonly<Record<keyof typeof logFlags, string>>): Level {
  return parseLevel(flags["log-level"], "info");
}

/** Lines for people and machines alike, on stderr. */
export function stderrLogger(name: string, allow: Level): Logger {
  return bind(levelFilter(logfmtLogger(process.stderr), { allow }), { ts: timestamp(), node: name });
}
