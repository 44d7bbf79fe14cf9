import { bind, type Logger, logfmtLogger, timestamp } from "@kit/log";

/** Lines for people and machines alike, on stderr. */
export function stderrLogger(): Logger {
  return bind(logfmtLogger(process.stderr), { ts: timestamp() });
}
