import type { Context } from "@kit/endpoint";
import type { Level } from "./level.ts";

/** One record: names and values in the order in which they are printed. A value may be anything; `undefined` counts as absent. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Takes records. Only `log` is required; the other methods are for adapters whose driver does these things natively, and wrappers
 * do without them where they are missing.
 *
 * No method throws: a log line is never worth the call that it tells of. What goes wrong in a sink is reported to the `onError` that
 * the sink's maker was given.
 *
 * @see go-kit log/log.go
 */
export interface Logger {
  /** Logs one record. The fields are read before it returns, and neither kept nor changed. */
  log(fields: Fields, ctx?: Context): void;
  /** Whether a record of this level would be kept, so that one that would not need not be built. Asked for every record, so it must be cheap. */
  enabled?(level: Level): boolean;
  /**
   * A logger that adds these fields before every record's own, serialised once where they are always the same: a function among them,
   * but never under `level`, is a valuer to be called for each record. A record's own field replaces one of the same name. It has to
   * see itself to what is not `enabled`.
   */
  child?(fields: Fields): Logger;
  /** Does what `log({ ...fields, msg }, ctx)` does, without that object having to be made. */
  message?(msg: string, fields: Fields | undefined, ctx: Context | undefined): void;
}

/** Where to send what goes wrong in a sink. What it throws itself is lost. */
export type OnError = (error: unknown) => void;

/** Tells `onError`, come what may. */
export function report(onError: OnError | undefined, error: unknown): void {
  try {
    onError?.(error);
  } catch {
    // There is nobody left to tell.
  }
}

/** What stands in a record for a value that threw while it was read. */
export function threw(error: unknown): string {
  try {
    return `(THREW: ${String((error as Error | undefined)?.message ?? error)})`;
  } catch {
    return "(THREW)";
  }
}

/** One field of a record; what its getter throws, as text. */
export function read(fields: Fields, key: string): unknown {
  try {
    return fields[key];
  } catch (error) {
    return threw(error);
  }
}

/**
 * A logger out of a function.
 *
 * @param options.onError - gets what `fn` throws. Without it that is lost: logging never throws.
 * @see go-kit log/log.go, LoggerFunc
 */
export function loggerFunc(
  fn: (fields: Fields, ctx?: Context) => void,
  options: { readonly onError?: OnError } = {},
): Logger {
  const { onError } = options;
  return {
    log(fields, ctx) {
      try {
        fn(fields, ctx);
      } catch (error) {
        report(onError, error);
      }
    },
  };
}

/** Discards everything. */
export const nopLogger: Logger = { log() {}, enabled: () => false };

/** A logger whose sink can be replaced while it is in use. Made by {@link swapLogger}. */
export interface SwapLogger extends Logger {
  /** Sends what comes from now on to `logger`; without one it is discarded. */
  swap(logger?: Logger): void;
}

/**
 * A logger to hand out before it is known where logs go, or to change that later. Discards until it is given a logger.
 *
 * @see go-kit log/sync.go, SwapLogger
 */
export function swapLogger(logger?: Logger): SwapLogger {
  let current = logger ?? nopLogger;
  return {
    log: (fields, ctx) => current.log(fields, ctx),
    enabled: (level) => current.enabled?.(level) ?? true,
    swap(next) {
      current = next ?? nopLogger;
    },
  };
}

/**
 * Fields from alternating names and values, as go-kit's loggers take them, for code that is ported from it. A name without a value gets
 * "(MISSING)"; of a name that comes twice the last value stands.
 */
export function keyvals(...pairs: readonly unknown[]): Fields {
  const fields: Record<string, unknown> = {};
  for (let i = 0; i < pairs.length; i += 2) {
    fields[name(pairs[i])] = i + 1 < pairs.length ? pairs[i + 1] : "(MISSING)";
  }
  return fields;
}

function name(key: unknown): string {
  try {
    return String(key);
  } catch (error) {
    return threw(error);
  }
}
