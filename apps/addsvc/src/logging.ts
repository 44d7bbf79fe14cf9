import { bind, type Level, levelFilter, type Logger, logfmtLogger, timestamp } from "@kit/log";
import { traceId } from "@kit/tracing-otel";

/** Lines for people and machines alike, on stderr; those of a call have the id of its trace. */
export function stderrLogger(name: string, allow: Level): Logger {
  return bind(levelFilter(logfmtLogger(process.stderr), { allow }), { ts: timestamp(), node: name, trace_id: traceId });
}
