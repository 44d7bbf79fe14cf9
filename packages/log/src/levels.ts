import type { Context } from "@kit/endpoint";
import { bindPrefix, BoundLogger } from "./bind.ts";
import type { Level } from "./level.ts";
import type { Fields, Logger } from "./logger.ts";

/** A logger whose records have `level: "debug"`, as their first field. */
export function debug(logger: Logger): Logger {
  return bindPrefix(logger, { level: "debug" });
}

/** A logger whose records have `level: "info"`, as their first field. */
export function info(logger: Logger): Logger {
  return bindPrefix(logger, { level: "info" });
}

/** A logger whose records have `level: "warn"`, as their first field. */
export function warn(logger: Logger): Logger {
  return bindPrefix(logger, { level: "warn" });
}

/** A logger whose records have `level: "error"`, as their first field. */
export function error(logger: Logger): Logger {
  return bindPrefix(logger, { level: "error" });
}

/** Logs a message, with fields if there are any. Pass the context on where there is one: bound valuers read it. */
export type LogMessage = (msg: string, fields?: Fields, ctx?: Context) => void;

/** One function a level. Made by {@link levels}. */
export type Levels = Readonly<Record<Level, LogMessage>>;

/**
 * The logger as most code wants it: `log.info("listening", { port })`. The message is the field `msg`.
 *
 * Make it once and keep it. Where the sink can tell that a level is off, a call at that level costs next to nothing.
 */
export function levels(logger: Logger): Levels {
  const at = (level: Level): LogMessage => {
    const leveled = BoundLogger.of(logger).withPrefix({ level });
    return (msg, fields, ctx) => leveled.message(msg, fields, ctx);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
