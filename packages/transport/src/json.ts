import { KitError } from "@kit/endpoint";

/**
 * Parses JSON from a stranger. A key `__proto__` is refused: no honest peer sends one, and code that copies objects carelessly would be
 * turned against itself.
 *
 * @param what - names the text in the error.
 * @throws {KitError} `invalid_argument`; it does not repeat the text.
 */
export function parseJson(text: string, what = "body"): unknown {
  try {
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
