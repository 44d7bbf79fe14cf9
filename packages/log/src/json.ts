import { errorFields, errorText } from "./errors.ts";
import { jsonText, quoted } from "./json-text.ts";
import { defaultMaxValueLength, lineLogger, type LineLoggerOptions, type Writer } from "./line-logger.ts";
import type { Logger } from "./logger.ts";

export interface JsonLoggerOptions extends LineLoggerOptions {
  /**
   * What an error is printed as: `message`, in one line with its causes, or `object`, with its name, code, stack and causes.
   * @default "message", as go-kit does.
   */
  readonly errors?: "message" | "object";
}

/**
 * Logs each record as one line of JSON, names in the order of the record. The writer stays the caller's: it is never closed.
 *
 * Any value can be logged: what JSON has no word for is printed as text, what throws as "(THREW: …)", what contains itself as
 * "(CIRCULAR)".
 *
 * @throws {TypeError} for a wrong option.
 * @see go-kit log/json_logger.go
 */
export function jsonLogger(writer: Writer, options: JsonLoggerOptions = {}): Logger {
  const { maxValueLength = defaultMaxValueLength, errors = "message" } = options;
  if (errors !== "message" && errors !== "object") {
    throw new TypeError(`jsonLogger: errors must be "message" or "object", got ${String(errors)}`);
  }
  const error = errors === "message" ? errorText : errorFields;
  return lineLogger("jsonLogger", writer, options, {
    open: "{",
    separator: ",",
    close: "}\n",
    field(key, value) {
      const text = jsonText(value, maxValueLength, error);
      return text === undefined ? undefined : `${quoted(key, maxValueLength)}:${text}`;
    },
  });
}
