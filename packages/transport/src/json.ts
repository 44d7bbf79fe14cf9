import { KitError } from "@kit/endpoint";

/** How JSON from a stranger is read. */
export interface JsonOptions {
  /** Names the text in errors. @default `"body"` */
  readonly what?: string;
  /** Field names to be recognised whatever their case, at every level, by lower-case name; see {@link keyNames}. Makes parsing several times slower. */
  readonly names?: ReadonlyMap<string, string> | undefined;
}

/** Names for `JsonOptions`: go-kit's clients send `{"A":1}` where a struct has no tags. */
export function keyNames(keys: readonly string[] | undefined): ReadonlyMap<string, string> | undefined {
  return keys && new Map(keys.map((key) => [key.toLowerCase(), key]));
}

/**
 * Parses JSON from a stranger. A key `__proto__` is refused: no honest peer sends one, and code that copies objects carelessly would be
 * turned against itself.
 *
 * @throws {KitError} `invalid_argument`; it does not repeat the text.
 */
export function parseJson(text: string, { what = "body", names }: JsonOptions = {}): unknown {
  try {
    if (names !== undefined) return JSON.parse(text, (key, value) => renamed(honest(key, value), names));
    // A reviver makes parsing several times slower, so it runs only where the key could be, spelled out or escaped.
    return text.includes("__proto__") || text.includes("\\u00") ? JSON.parse(text, honest) : JSON.parse(text);
  } catch (cause) {
    const why = cause === forbiddenKey ? 'the key "__proto__" is not allowed' : "not valid JSON";
    throw new KitError("invalid_argument", `${what}: ${why}`, { cause });
  }
}

const forbiddenKey = new Error("forbidden key");

function honest(key: string, value: unknown): unknown {
  if (key === "__proto__") throw forbiddenKey;
  return value;
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    const name = names.get(key.toLowerCase());
    if (name === undefined || Object.hasOwn(object, name)) continue;
    object[name] = object[key];
    delete object[key];
  }
  return object;
}
