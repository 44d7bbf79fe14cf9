import { isError } from "./errors.ts";
import { threw } from "./logger.ts";

/** How many objects inside one another are printed. */
const maxDepth = 16;

/**
 * The JSON text of any value, or `undefined` for `undefined`. Never throws, and is at most a little longer than `limit`: what is left out
 * is told of by "…(+number)".
 *
 * @param error - what to print for an error: its text, or an object to be printed in its turn.
 */
export function jsonText(value: unknown, limit: number, error: (error: Error) => unknown): string | undefined {
  return typeof value === "object" && value !== null ? new JsonText(limit, error).of(value) : scalarText(value, limit);
}

function scalarText(value: unknown, limit: number): string | undefined {
  if (typeof value === "string") return quoted(value, limit);
  if (typeof value === "number") return Number.isFinite(value) ? `${value}` : "null";
  if (typeof value === "boolean" || value === null) return `${value}`;
  if (typeof value === "function") return quoted(functionText(value), limit);
  // A bigint has no exact form in JSON, and a symbol none at all.
  if (typeof value === "bigint" || typeof value === "symbol") return quoted(String(value), limit);
  return undefined;
}

function functionText(value: Function): string {
  try {
    return `[Function: ${value.name}]`;
  } catch (error) {
    return threw(error);
  }
}

/** A string as JSON; of one that is longer than `limit`, the beginning. */
export function quoted(value: string, limit: number): string {
  return quote(clipped(value, limit));
}

/** The string, or as much as fits of it and how much does not. */
export function clipped(value: string, limit: number): string {
  if (value.length <= limit) return value;
  let end = Math.max(0, limit);
  // Not between the halves of a surrogate pair.
  if (end > 0 && (value.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
  return `${value.slice(0, end)}…(+${value.length - end})`;
}

/** `JSON.stringify` of a string, without the call for the short and plain ones that most names and values are: half the time. */
function quote(value: string): string {
  if (value.length > 64) return JSON.stringify(value);
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || unit >= 0xd800) return JSON.stringify(value);
  }
  return `"${value}"`;
}

/** The printing of one object: where in it we are, and how much may still be printed. */
class JsonText {
  #left: number;
  readonly #error: (error: Error) => unknown;
  readonly #path: object[] = [];

  constructor(limit: number, error: (error: Error) => unknown) {
    this.#left = limit;
    this.#error = error;
  }

  of(value: unknown): string | undefined {
    if (typeof value === "object" && value !== null) return this.#object(value);
    const text = scalarText(value, this.#left);
    this.#left -= text?.length ?? 0;
    return text;
  }

  #object(value: object): string | undefined {
    if (this.#path.includes(value)) return this.of("(CIRCULAR)");
    if (this.#path.length === maxDepth) return this.of("(TOO DEEP)");
    this.#path.push(value);
    try {
      return this.#contents(value);
    } catch (error) {
      return this.of(threw(error));
    } finally {
      this.#path.pop();
    }
  }

  /** go-kit's order: what the value says of itself in JSON, then an error, then what it says in text, then what is in it. */
  #contents(value: object): string | undefined {
    if (value instanceof Uint8Array) return this.#base64(value);
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") {
      const json: unknown = toJSON.call(value, "");
      if (json !== value) return this.of(json) ?? "null";
    }
    if (isError(value)) return this.of(this.#error(value));
    if (Array.isArray(value)) return this.#list(value, value.length);
    if (value instanceof Set) return this.#list(value, value.size);
    if (value instanceof Map) return this.#record(value.keys(), value.size, (key) => value.get(key));
    const text = ownText(value);
    if (text !== undefined) return this.of(text);
    const keys = Object.keys(value);
    return this.#record(keys, keys.length, (key) => (value as Record<string, unknown>)[key as string]);
  }

  #base64(value: Uint8Array): string {
    const shown = Math.min(value.length, Math.max(0, Math.floor((this.#left / 4) * 3)));
    const text = Buffer.from(value.buffer, value.byteOffset, shown).toString("base64");
    this.#left -= text.length + 2;
    return shown < value.length ? `"${text}…(+${value.length - shown})"` : `"${text}"`;
  }

  #list(values: Iterable<unknown>, size: number): string {
    this.#left -= 2;
    let text = "";
    let count = 0;
    for (const value of values) {
      if (text !== "") text += ",";
      if (this.#left <= 0) return `[${text}"…(+${size - count})"]`;
      text += this.of(value) ?? this.of(null)!;
      this.#left--;
      count++;
    }
    return `[${text}]`;
  }

  #record(keys: Iterable<unknown>, size: number, read: (key: unknown) => unknown): string {
    this.#left -= 2;
    let text = "";
    let count = 0;
    for (const key of keys) {
      if (this.#left <= 0) return `{${text}${text === "" ? "" : ","}"…":"(+${size - count})"}`;
      const name = quoted(typeof key === "string" ? key : String(key), this.#left);
      const value = this.#member(key, read);
      count++;
      if (value === undefined) continue;
      text += `${text === "" ? "" : ","}${name}:${value}`;
      this.#left -= name.length + 2;
    }
    return `{${text}}`;
  }

  #member(key: unknown, read: (key: unknown) => unknown): string | undefined {
    let value: unknown;
    try {
      value = read(key);
    } catch (error) {
      value = threw(error);
    }
    return this.of(value);
  }
}

/** What an object's own `toString` says, for one that is more than the bag of its properties: a URL, a RegExp, a money type. */
function ownText(value: object): string | undefined {
  const { toString } = value as { toString?: unknown };
  if (typeof toString !== "function" || toString === Object.prototype.toString) return undefined;
  const text = String(toString.call(value));
  // Another realm's Object.prototype says this.
  return text.startsWith("[object ") ? undefined : text;
}
