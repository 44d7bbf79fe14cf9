import { bind, type Level, levelFilter, type Logger, logfmtLogger, timestamp } from "@kit/log";

/** Lines for people and machines alike, on stderr. */
export function stderrLogger(name: string, allow: Level): Logger {
  return bind(levelFilter(logfmtLogger(process.stderr), { allow }), { ts: timestamp(), node: name });
}
