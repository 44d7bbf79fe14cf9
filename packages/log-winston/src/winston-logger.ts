import { type Context, refusal } from "@kit/endpoint";
import { type Fields, type Level, type Logger, merge, type OnError, plain, read, report } from "@kit/log";
import type { Logger as WinstonInstance } from "winston";

export interface WinstonLoggerOptions {
  /**
   * Where the records go. It stays the caller's: levels, formats and transports are set there, and it is never closed. Its `error` event is
   * listened to, since without a listener a transport that fails would end the process.
   */
  readonly logger: WinstonInstance;
  /** The winston level of records without a level, or with one that winston does not know. @default "info", as go-kit's zap and logrus adapters have it. */
  readonly level?: string;
  /**
   * How much of one field is handed to winston, in UTF-16 code units; what is more is cut, and how much that was is said.
   * @default 16_384, as for the lines of `@kit/log`.
   */
  readonly maxValueLength?: number;
  /**
   * How many records may wait in winston while a transport does not take them; what comes then is dropped. Winston alone keeps them all,
   * and one transport that stands still holds up all the others.
   * @default 10_000: some 10 MB of ordinary records.
   */
  readonly maxWaiting?: number;
  /** Gets what a format throws, what transports emit as `error`, and once each time that dropping begins a `resource_exhausted`. @default none: it is lost. */
  readonly onError?: OnError;
}

/** What {@link winstonLogger} makes. */
export interface WinstonLogger extends Logger {
  /** How many records were dropped so far, of all that is bound to this too: for a metric. */
  readonly dropped: number;
}

/**
 * Logs through a winston logger.
 *
 * The field `level` picks winston's level, custom levels included; `msg` becomes winston's `message`. Values are handed over as plain data,
 * made before `log` returns, so that no format has to cope with cycles, bigints, errors or getters that throw. A field whose name means
 * something to winston gets a prefix, as in logrus: `fields.message`.
 *
 * @throws {TypeError} for a wrong option.
 * @see go-kit log/logrus/logrus_logger.go
 */
export function winstonLogger(options: WinstonLoggerOptions): WinstonLogger {
  const { logger, level = "info", maxValueLength = 16_384, maxWaiting = 10_000, onError } = options;
  if (typeof logger?.isLevelEnabled !== "function" || typeof logger.write !== "function")
    throw new TypeError("winstonLogger: logger must be a winston logger");
  const sink = new WinstonSink(logger, maxValueLength, maxWaiting, onError);
  if (sink.levelName(level) === undefined)
    throw new TypeError(`winstonLogger: level must be one of the logger's levels, got ${level}`);
  for (const [name, value] of Object.entries({ maxValueLength, maxWaiting })) {
    if (!Number.isSafeInteger(value) || value <= 0)
      throw new TypeError(`winstonLogger: ${name} must be a positive integer, got ${String(value)}`);
  }
  logger.on("error", (error) => report(onError, error));
  return new BoundWinstonLogger(sink, level, {});
}

class BoundWinstonLogger implements WinstonLogger {
  readonly #sink: WinstonSink;
  /** Winston's level of a record that does not name one. */
  readonly #level: string;
  /** What is bound and always the same, as winston gets it. */
  readonly #fixed: Fields;
  /** What is bound and belongs into each record. */
  readonly #varying: Fields | undefined;

  constructor(sink: WinstonSink, level: string, bound: Fields) {
    const fixed: Record<string, unknown> = {};
    const varying: Record<string, unknown> = {};
    for (const key in bound) {
      if (typeof bound[key] === "function" || key === "msg") varying[key] = bound[key];
      else if (key !== "level") sink.put(fixed, key, bound[key]);
    }
    this.#sink = sink;
    this.#level = sink.levelName(bound["level"]) ?? level;
    this.#fixed = fixed;
    this.#varying = Object.keys(varying).length === 0 ? undefined : varying;
  }

  get dropped(): number {
    return this.#sink.dropped;
  }

  child(fields: Fields): Logger {
    return new BoundWinstonLogger(this.#sink, this.#level, fields);
  }

  enabled(level: Level): boolean {
    return this.#sink.keeps(this.#sink.levelName(level) ?? this.#level);
  }

  log(fields: Fields, ctx?: Context): void {
    this.message(undefined, fields, ctx);
  }

  message(msg: string | undefined, fields: Fields | undefined, ctx: Context | undefined): void {
    const sink = this.#sink;
    try {
      const named = fields === undefined ? undefined : read(fields, "level");
      const level = named === undefined ? this.#level : (sink.levelName(named) ?? this.#level);
      if (!sink.keeps(level) || !sink.hasRoom()) return;
      const record = this.#varying === undefined ? fields : merge(this.#varying, fields, ctx);
      sink.write(level, this.#fixed, record, msg);
    } catch (error) {
      sink.failed(error);
    }
  }
}

/** Names of fields that mean something to winston: a transport leaves out what has `exception: true`. */
const reserved: ReadonlySet<string> = new Set(["message", "exception", "splat"]);

/** The winston logger, and what it is given. */
class WinstonSink {
  dropped = 0;
  readonly #logger: WinstonInstance;
  readonly #maxValueLength: number;
  readonly #maxWaiting: number;
  readonly #onError: OnError | undefined;
  #dropping = false;

  constructor(logger: WinstonInstance, maxValueLength: number, maxWaiting: number, onError: OnError | undefined) {
    this.#logger = logger;
    this.#maxValueLength = maxValueLength;
    this.#maxWaiting = maxWaiting;
    this.#onError = onError;
  }

  failed(error: unknown): void {
    report(this.#onError, error);
  }

  /** The name if it is one of the logger's levels. Winston's syslog levels say `warning`. */
  levelName(name: unknown): string | undefined {
    const { levels } = this.#logger;
    if (typeof name !== "string") return undefined;
    if (Object.hasOwn(levels, name)) return name;
    return name === "warn" && Object.hasOwn(levels, "warning") ? "warning" : undefined;
  }

  /** What winston's `isLevelEnabled` says, but for `silent`, which it passes over; in a third of its time. */
  keeps(level: string): boolean {
    const { levels, level: own, silent, transports } = this.#logger;
    if (silent) return false;
    const rank = levels[level]!;
    const lowest = levels[own]!;
    if (transports.length === 0) return lowest >= rank;
    for (const transport of transports) if ((levels[transport.level!] ?? lowest) >= rank) return true;
    return false;
  }

  hasRoom(): boolean {
    if (this.#logger.writableLength < this.#maxWaiting) {
      this.#dropping = false;
      return true;
    }
    this.dropped++;
    if (!this.#dropping) {
      this.#dropping = true;
      this.failed(
        refusal("resource_exhausted", `winston: ${this.#maxWaiting} records wait for a transport, more are dropped`),
      );
    }
    return false;
  }

  write(level: string, bound: Fields, record: Fields | undefined, msg: string | undefined): void {
    const info: Record<string, unknown> = { level, message: plain(msg ?? "", this.#maxValueLength) };
    const { defaultMeta } = this.#logger;
    for (const key in defaultMeta) if (!(key in info)) info[key] = defaultMeta[key];
    for (const key in bound) info[key] = bound[key];
    for (const key in record) {
      if (key === "level") continue;
      const value = read(record, key);
      if (key !== "msg") this.put(info, key, value);
      else if (typeof value !== "string") this.put(info, key, msg === undefined ? value : undefined);
      else if (msg === undefined) info["message"] = plain(value, this.#maxValueLength);
    }
    this.#logger.write(info);
  }

  /** Adds a field as winston is to get it. */
  put(info: Record<string, unknown>, key: string, value: unknown): void {
    if (value !== undefined) info[reserved.has(key) ? `fields.${key}` : key] = plain(value, this.#maxValueLength);
  }
}
