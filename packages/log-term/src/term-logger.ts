import { type Fields, type LineLoggerOptions, logfmtLogger, type Logger, report, type Writer } from "@kit/log";
import { colorBy, escapesOf, reset, type Style } from "./style.ts";

/** Where the lines go: `process.stderr`, or anything with a `write`. */
export interface TermStream extends Writer {
  /** Whether it is a terminal. */
  readonly isTTY?: boolean;
}

export interface TermLoggerOptions extends LineLoggerOptions {
  /** Where the lines go. It stays the caller's: it is never closed. */
  readonly stream: TermStream;
  /** How a record becomes a line: `jsonLogger`, or a function of that form. @default logfmtLogger */
  readonly format?: (writer: Writer, options: LineLoggerOptions) => Logger;
  /** How the line of a record looks. @default by level: debug dark gray, warn yellow, error red */
  readonly color?: (fields: Fields) => Style | undefined;
  /**
   * Whether to colour at all. @default what FORCE_COLOR says ("0" and "false" are no), else yes on a terminal, unless NO_COLOR is set or
   * TERM is "dumb"; Node goes by the same.
   */
  readonly colored?: boolean;
}

const byLevel = colorBy("level", { debug: { text: "darkGray" }, warn: { text: "yellow" }, error: { text: "red" } });

/**
 * Logs each record as one line, in the colour that its fields have; without colours it is `format`'s logger itself.
 *
 * @throws {TypeError} for a wrong option.
 * @see go-kit log/term/colorlogger.go, NewLogger
 */
export function termLogger(options: TermLoggerOptions): Logger {
  const { stream, format = logfmtLogger, color = byLevel, colored, ...line } = options;
  if (typeof stream?.write !== "function") throw new TypeError("termLogger: stream must have a write method");
  for (const [name, value] of Object.entries({ format, color })) {
    if (typeof value !== "function") throw new TypeError(`termLogger: ${name} must be a function, got ${typeof value}`);
  }
  if (!(colored ?? wantsColor(stream, process.env))) return format(stream, line);

  let escapes = "";
  const lines = format({ write: (text) => stream.write(escapes === "" ? text : escapes + text + reset) }, line);
  return {
    log(fields, ctx) {
      try {
        escapes = escapesOf(color(fields));
      } catch (error) {
        escapes = "";
        report(line.onError, error);
      }
      lines.log(fields, ctx);
    },
    enabled: (level) => lines.enabled?.(level) ?? true,
  };
}

function wantsColor(stream: TermStream, env: Readonly<Record<string, string | undefined>>): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = env;
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  return stream.isTTY === true && (no === undefined || no === "") && term !== "dumb";
}
