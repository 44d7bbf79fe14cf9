import { errorText } from "./errors.ts";
import { clipped, jsonText } from "./json-text.ts";
import { defaultMaxValueLength, lineLogger, type LineLoggerOptions, type Writer } from "./line-logger.ts";
import type { Logger } from "./logger.ts";

/**
 * Logs each record as one line of `name=value`, quoted and escaped as Go's logfmt does it. The writer stays the caller's: it is
 * never closed.
 *
 * A list or an object is printed as JSON, where go-kit prints "unsupported value type".
 *
 * @throws {TypeError} for a wrong option.
 * @see go-kit log/logfmt_logger.go, go-logfmt encode.go
 */
export function logfmtLogger(writer: Writer, options: LineLoggerOptions = {}): Logger {
  const { maxValueLength = defaultMaxValueLength } = options;
  return lineLogger("logfmtLogger", writer, options, {
    open: "",
    separator: " ",
    close: "\n",
    field: (key, value) => (value === undefined ? undefined : `${name(key)}=${logfmtText(value, maxValueLength)}`),
  });
}

/** What may need a closer look: a blank, `=`, `"`, a control character, any surrogate, U+FFFD. */
const suspicious = /[\0- "=\x7f\ud800-\udfff\ufffd]/;
const misfit = /[\0- "=\x7f\ufffd]|\p{Surrogate}/u;
const misfits = new RegExp(misfit, "gu");
// oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for
const mustEscape = /[\0-\x1f"\\\x7f\ufffd]|\p{Surrogate}/gu;

/** A name without what logfmt has no place for. One that is nothing else becomes `_`: go-kit drops the whole record for it. */
function name(key: string): string {
  return suspicious.test(key) || key === "" ? key.replace(misfits, "") || "_" : key;
}

function logfmtText(value: unknown, limit: number): string {
  if (typeof value === "string") return quoted(clipped(value, limit));
  if (typeof value === "number") return `${value}`;
  const json = jsonText(value, limit, errorText) ?? "null";
  return json === "null" ? json : quoted(json.startsWith('"') ? (JSON.parse(json) as string) : json);
}

function quoted(text: string): string {
  if (text === "null") return '"null"';
  return suspicious.test(text) && misfit.test(text) ? `"${text.replace(mustEscape, escape)}"` : text;
}

function escape(character: string): string {
  switch (character) {
    case '"':
    case "\\":
      return `\\${character}`;
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    default:
      return character > "\x7f" ? "\\ufffd" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  }
}
