import type { Context } from "@kit/endpoint";
import { evaluate, merge, type Valuer } from "./bind.ts";
import { type Fields, type Logger, type OnError, read, report } from "./logger.ts";

/** Where lines go: `process.stdout`, a file stream, or anything with a `write`. Each line comes in one call, its newline included. */
export interface Writer {
  write(line: string): unknown;
}

/** How a record becomes a line. */
export interface LineFormat {
  readonly open: string;
  readonly separator: string;
  readonly close: string;
  /** One field, or `undefined` if it is to be left out. Must not throw. */
  field(key: string, value: unknown): string | undefined;
}

export interface LineLoggerOptions {
  /**
   * How much of one field is printed, in UTF-16 code units; what is more is cut, and how much that was is said.
   * @default 16_384, where Docker's default log driver cuts lines.
   */
  readonly maxValueLength?: number;
  /** Gets what the writer throws or rejects with. @default none: it is lost. A stream's `error` event is its owner's. */
  readonly onError?: OnError;
}

export const defaultMaxValueLength = 16_384;

/** @throws {TypeError} for a wrong writer or option of `owner`. */
export function lineLogger(owner: string, writer: Writer, options: LineLoggerOptions, format: LineFormat): Logger {
  const { maxValueLength = defaultMaxValueLength, onError } = options;
  if (typeof writer?.write !== "function")
    throw new TypeError(`${owner}: writer must have a write method, got ${typeof writer}`);
  if (!Number.isSafeInteger(maxValueLength) || maxValueLength <= 0) {
    throw new TypeError(`${owner}: maxValueLength must be a positive integer, got ${String(maxValueLength)}`);
  }
  return new LineLogger({ format, writer, failed: (error) => report(onError, error) }, {});
}

interface Sink {
  readonly format: LineFormat;
  readonly writer: Writer;
  readonly failed: (error: unknown) => void;
}

/** A bound field whose value is made for each record. */
interface Bound {
  readonly key: string;
  readonly valuer: Valuer;
}

class LineLogger implements Logger {
  readonly #sink: Sink;
  readonly #bound: Fields;
  readonly #names: ReadonlySet<string>;
  /** `#bound` in its order, as text where that is always the same. */
  readonly #head: readonly (string | Bound)[];

  constructor(sink: Sink, bound: Fields) {
    this.#sink = sink;
    this.#bound = bound;
    this.#names = new Set(Object.keys(bound));
    const { format } = sink;
    const head: (string | Bound)[] = [];
    for (const key in bound) {
      const value = bound[key];
      if (typeof value === "function") {
        head.push({ key, valuer: value as Valuer });
        continue;
      }
      const text = format.field(key, value);
      if (text === undefined) continue;
      const last = head.length - 1;
      if (typeof head[last] === "string") head[last] += format.separator + text;
      else head.push(text);
    }
    this.#head = head;
  }

  child(fields: Fields): Logger {
    return new LineLogger(this.#sink, fields);
  }

  log(fields: Fields, ctx?: Context): void {
    this.message(undefined, fields, ctx);
  }

  message(msg: string | undefined, fields: Fields | undefined, ctx: Context | undefined): void {
    try {
      // With a name twice the record has to be put together first.
      this.#write(
        this.#repeats(msg, fields)
          ? this.#line("", merge(this.#bound, fields, ctx, msg))
          : this.#line(this.#start(msg, ctx), fields),
      );
    } catch (error) {
      this.#sink.failed(error);
    }
  }

  #repeats(msg: string | undefined, fields: Fields | undefined): boolean {
    const names = this.#names;
    if (msg !== undefined && names.has("msg")) return true;
    for (const key in fields) if (names.has(key) || (key === "msg" && msg !== undefined)) return true;
    return false;
  }

  #start(msg: string | undefined, ctx: Context | undefined): string {
    const { format } = this.#sink;
    let line = "";
    for (const part of this.#head) {
      const text = typeof part === "string" ? part : format.field(part.key, evaluate(part.valuer, ctx));
      if (text !== undefined) line = line === "" ? text : line + format.separator + text;
    }
    if (msg === undefined) return line;
    const text = format.field("msg", msg)!;
    return line === "" ? text : line + format.separator + text;
  }

  #line(start: string, fields: Fields | undefined): string {
    const { format } = this.#sink;
    let line = start;
    for (const key in fields) {
      const text = format.field(key, read(fields, key));
      if (text !== undefined) line = line === "" ? text : line + format.separator + text;
    }
    return format.open + line + format.close;
  }

  #write(line: string): void {
    const written = this.#sink.writer.write(line);
    if (written instanceof Promise) written.catch(this.#sink.failed);
  }
}
