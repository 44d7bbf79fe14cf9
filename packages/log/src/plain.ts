import { errorFields } from "./errors.ts";
import { clipped, jsonText } from "./json-text.ts";
import { defaultMaxValueLength } from "./line-logger.ts";

/**
 * What `jsonLogger` would print of the value with errors as objects, but as a value: a text, number, boolean or `null` as it is, of anything
 * else a copy in plain objects and lists. Never throws; `undefined` stays that.
 *
 * For adapters whose driver reads records later than it gets them, or trips over some.
 *
 * @param limit - how much of it is kept, in UTF-16 code units. @default 16_384, as for lines.
 */
export function plain(value: unknown, limit: number = defaultMaxValueLength): unknown {
  if (typeof value === "string") return clipped(value, limit);
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  const text = jsonText(value, limit, errorFields);
  return text === undefined ? undefined : JSON.parse(text);
}
