import type { Context } from "@kit/endpoint";
import {
  errorFields,
  type Fields,
  isError,
  type Level,
  type Logger,
  merge,
  type OnError,
  read,
  report,
} from "@kit/log";
import { type LogFn, symbols } from "pino";

/** What is needed of a pino instance, whatever its levels. */
export interface PinoInstance {
  readonly levels: { readonly values: Readonly<Record<string, number>> };
  readonly msgPrefix?: string | undefined;
  isLevelEnabled(level: string): boolean;
  child(bindings: Record<string, unknown>): PinoInstance;
}

export interface PinoLoggerOptions {
  /** Where the records go. It stays the caller's: level, serializers, redaction and streams are set there, and it is never closed. */
  readonly logger: PinoInstance;
  /** The pino level of records without a level, or with one that pino does not know. @default "info", as go-kit's zap and logrus adapters have it. */
  readonly level?: string;
  /** Gets what pino, a serializer or a stream throws. @default none: it is lost. A stream's `error` event is its owner's. */
  readonly onError?: OnError;
}

/**
 * Logs through a pino instance.
 *
 * The field `level` picks pino's method, its custom levels included; `msg` becomes pino's message; what is bound becomes a pino child,
 * serialised once. An error under `err`, or any name that has a serializer, is left to pino; elsewhere pino would print `{}`, so it is
 * printed by its name, message, code, stack and cause.
 *
 * @throws {TypeError} when `level` is none of pino's.
 * @see go-kit log/zap/zap_sugar_logger.go
 */
export function pinoLogger(options: PinoLoggerOptions): Logger {
  const { logger, level = "info", onError } = options;
  if (typeof logger?.isLevelEnabled !== "function") throw new TypeError("pinoLogger: logger must be a pino instance");
  const settings = new PinoSettings(logger, onError);
  if (settings.levelName(level) === undefined) {
    throw new TypeError(`pinoLogger: level must be one of the logger's levels, got ${level}`);
  }
  return new PinoLogger(settings, level, {});
}

class PinoLogger implements Logger {
  readonly #pino: PinoSettings;
  /** Pino's level of a record that does not name one. */
  readonly #level: string;
  /** What is bound and always the same: what `#child` has. */
  readonly #fixed: Fields;
  /** Its names. They are few, and a look through them takes less than a Map's. */
  readonly #names: readonly string[];
  readonly #child: PinoInstance;
  /** What is bound and belongs into each record. */
  readonly #varying: Fields | undefined;

  constructor(pino: PinoSettings, level: string, bound: Fields) {
    const fixed: Record<string, unknown> = {};
    const varying: Record<string, unknown> = {};
    for (const key in bound) {
      const value = bound[key];
      if (typeof value === "function" || key === "msg") varying[key] = value;
      else if (key !== "level" && value !== undefined) fixed[key] = pino.printable(key, value);
    }
    this.#pino = pino;
    this.#level = pino.levelName(bound["level"]) ?? level;
    this.#fixed = fixed;
    this.#names = Object.keys(fixed);
    this.#child = pino.child(fixed);
    this.#varying = Object.keys(varying).length === 0 ? undefined : varying;
  }

  child(fields: Fields): Logger {
    return new PinoLogger(this.#pino, this.#level, fields);
  }

  enabled(level: Level): boolean {
    return this.#pino.logger.isLevelEnabled(this.#pino.levelName(level) ?? this.#level);
  }

  log(fields: Fields, ctx?: Context): void {
    this.message(undefined, fields, ctx);
  }

  message(msg: string | undefined, fields: Fields | undefined, ctx: Context | undefined): void {
    const { logger, onError } = this.#pino;
    try {
      // What most records are, with as little code between as can be: it is compiled into its caller, pino's own with it.
      if (this.#varying === undefined && logger.isLevelEnabled(this.#level) && this.#isNative(fields, msg)) {
        send(this.#child, this.#level, fields, msg);
      } else {
        this.#complete(msg, fields, ctx);
      }
    } catch (error) {
      report(onError, error);
    }
  }

  #complete(msg: string | undefined, fields: Fields | undefined, ctx: Context | undefined): void {
    const level = this.#pino.levelName(fields && read(fields, "level")) ?? this.#level;
    if (!this.#pino.logger.isLevelEnabled(level)) return;
    const record = merge(this.#varying ?? {}, fields, ctx);
    if (this.#isNative(record, msg)) send(this.#child, level, record, msg);
    else this.#translate(level, record, msg);
  }

  /** Whether pino can print the record as it is; a copy would be a third of what pino's own work costs. */
  #isNative(record: Fields | undefined, msg: string | undefined): boolean {
    const { errorKey, takesMsg } = this.#pino;
    try {
      for (const key in record) {
        if (key === "level" || this.#isFixed(key)) return false;
        const value = record[key];
        if (key === "msg" && !(takesMsg && msg === undefined && typeof value === "string")) return false;
        if (typeof value === "object" && value !== null && key !== errorKey && isError(value)) return false;
      }
      return true;
    } catch {
      return false;
    }
  }

  #isFixed(key: string): boolean {
    const names = this.#names;
    for (let i = 0; i < names.length; i += 1) if (names[i] === key) return true;
    return false;
  }

  #translate(level: string, record: Fields, msg: string | undefined): void {
    const own: Record<string, unknown> = {};
    let message = msg;
    let target = this.#child;
    for (const key in record) {
      const value = read(record, key);
      if (value === undefined || key === "level") continue;
      if (key === "msg" && (message !== undefined || typeof value === "string")) message ??= value as string;
      else own[key] = this.#pino.printable(key, value);
      if (this.#isFixed(key)) target = this.#pino.logger;
    }
    if (target === this.#child) send(target, level, own, message);
    // The child would print the name twice, which many readers of JSON refuse.
    else send(target, level, { ...this.#fixed, ...own }, message);
  }
}

/** The pino instance, and what has to be known of how it is set up. */
class PinoSettings {
  readonly logger: PinoInstance;
  readonly onError: OnError | undefined;
  readonly errorKey: unknown;
  /** Whether a field `msg` is printed as the message would be. */
  readonly takesMsg: boolean;
  readonly #serializers: Readonly<Record<string, unknown>>;

  constructor(logger: PinoInstance, onError: OnError | undefined) {
    const settings = logger as unknown as Record<symbol, any>;
    this.logger = logger;
    this.onError = onError;
    this.errorKey = settings[symbols.errorKeySym] ?? "err";
    this.takesMsg =
      settings[symbols.messageKeySym] === "msg" &&
      !settings[symbols.nestedKeySym] &&
      // Before 9.8 pino does not tell.
      "msgPrefix" in logger &&
      !logger.msgPrefix &&
      settings[symbols.hooksSym]?.logMethod === undefined &&
      settings[symbols.formattersSym]?.log === undefined;
    this.#serializers = settings[symbols.serializersSym] ?? {};
  }

  /** A child with these fields; without them if pino cannot print them, for what is logged matters more. */
  child(fields: Record<string, unknown>): PinoInstance {
    try {
      return Object.keys(fields).length === 0 ? this.logger : this.logger.child(fields);
    } catch (error) {
      report(this.onError, error);
      return this.logger;
    }
  }

  /** The name if it is one of the logger's levels. */
  levelName(name: unknown): string | undefined {
    return typeof name === "string" && Object.hasOwn(this.logger.levels.values, name) ? name : undefined;
  }

  /** The value, or for an error in a place where pino would print `{}` what to print of it. */
  printable(key: string, value: unknown): unknown {
    if (typeof value !== "object" || value === null || key === this.errorKey || this.#serializers[key] !== undefined)
      return value;
    return isError(value) ? errorFields(value) : value;
  }
}

function send(logger: PinoInstance, level: string, record: Fields | undefined, msg: string | undefined): void {
  const target = logger as unknown as Record<string, LogFn>;
  if (msg === undefined) target[level]!(record);
  else if (record === undefined) target[level]!(msg);
  else target[level]!(record, msg);
}
