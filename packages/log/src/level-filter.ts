import type { Context } from "@kit/endpoint";
import { BoundLogger } from "./bind.ts";
import { type Level, levelOf, rank } from "./level.ts";
import { type Fields, type Logger, loggerFunc } from "./logger.ts";

export interface LevelFilterOptions {
  /** The lowest level to keep; "none" drops every record that has a level. Required: go-kit's filter without it drops them all. */
  readonly allow: Level | "none";
  /** Drops the records that have none of the four levels too. @default false, as they come from code that knows nothing of levels. */
  readonly squelchNoLevel?: boolean;
  /** Gets each record that is dropped, to count it say. What it throws is lost. With it, dropped records have to be built. */
  readonly onDisallowed?: (fields: Fields, ctx?: Context) => void;
}

/**
 * Keeps the records of a level and above, and those without a level.
 *
 * Put it next to the sink and bind outside of it: a record that is dropped then costs next to nothing.
 *
 * @throws {TypeError} when `allow` is no level.
 * @see go-kit log/level/level.go, NewFilter
 */
export function levelFilter(next: Logger, options: LevelFilterOptions): Logger {
  const { allow, squelchNoLevel = false, onDisallowed } = options;
  const lowest = allow === "none" ? Infinity : rank(allow);
  if (lowest === 0) throw new TypeError(`levelFilter: allow must be debug, info, warn, error or none, got ${allow}`);
  const keeps = (level: Level | undefined): boolean => (level === undefined ? !squelchNoLevel : rank(level) >= lowest);
  if (onDisallowed === undefined) return filtered(next, undefined, keeps);
  const dropped = loggerFunc(onDisallowed);
  return {
    log: (fields, ctx) => (keeps(levelOf(fields)) ? next : dropped).log(fields, ctx),
    enabled: (level) => !keeps(level) || (next.enabled?.(level) ?? true),
  };
}

/** @param bound - the level that `next` adds to records. */
function filtered(next: Logger, bound: Level | undefined, keeps: (level: Level | undefined) => boolean): Logger {
  const logger: Logger = {
    log(fields, ctx) {
      if (keeps(levelOf(fields) ?? bound)) next.log(fields, ctx);
    },
    enabled: (level) => keeps(level) && (next.enabled?.(level) ?? true),
  };
  if (next.child !== undefined) {
    logger.child = (fields) => filtered(next.child!(fields), levelOf(fields) ?? bound, keeps);
  }
  if (next.message !== undefined) {
    logger.message = (msg, fields, ctx) => {
      if (keeps(levelOf(fields) ?? bound)) next.message!(msg, fields, ctx);
    };
  }
  return logger;
}

/**
 * Gives the level to records that have none.
 *
 * @throws {TypeError} when `level` is none.
 * @see go-kit log/level/level.go, NewInjector
 */
export function levelInjector(next: Logger, level: Level): Logger {
  if (rank(level) === 0) throw new TypeError(`levelInjector: level must be debug, info, warn or error, got ${level}`);
  const leveled = BoundLogger.of(next).withPrefix({ level });
  return { log: (fields, ctx) => leveled.log(fields, ctx), enabled: (each) => leveled.enabled(each) };
}
