import { errorFields, isError } from "./errors.ts";
import { type Fields, type Logger, loggerFunc, read } from "./logger.ts";

/** Names whose values are secret in most programs. */
export const secretNames: readonly string[] = [
  "access_token",
  "accessToken",
  "api_key",
  "api-key",
  "apiKey",
  "authorization",
  "client_secret",
  "clientSecret",
  "cookie",
  "passphrase",
  "passwd",
  "password",
  "private_key",
  "privateKey",
  "proxy-authorization",
  "refresh_token",
  "refreshToken",
  "secret",
  "set-cookie",
  "token",
  "x-api-key",
];

const redacted = "(REDACTED)";

/** How deep, and at how many values of one field, it looks: a log line must not take seconds. */
const maxDepth = 8;
const maxValues = 10_000;

/**
 * Puts "(REDACTED)" in place of every field of one of the names, in whatever case, also inside of objects, lists and maps. A field
 * that cannot be looked through, or has more than 8 levels or 10,000 values, is taken for secret as a whole. Texts are not looked into.
 *
 * Put it next to the sink and bind outside of it, for it does not see what is bound inside.
 *
 * @param names - whole names; {@link secretNames} is a list to start from.
 * @throws {TypeError} when there are none, or one is empty.
 */
export function redact(next: Logger, names: readonly string[]): Logger {
  if (names.length === 0 || names.includes(""))
    throw new TypeError("redact: names must be a list of names, none of them empty");
  const secret = new RegExp(`^(?:${names.map((name) => name.replace(/[^\w]/g, "\\$&")).join("|")})$`, "i");
  return {
    // A record that cannot be read at all is lost.
    ...loggerFunc((fields, ctx) => next.log(withoutSecrets(fields, secret), ctx)),
    enabled: (level) => next.enabled?.(level) ?? true,
  };
}

/** The record itself if nothing in it is secret, else a copy. */
function withoutSecrets(fields: Fields, secret: RegExp): Fields {
  let copy: Record<string, unknown> | undefined;
  for (const key in fields) {
    const value = read(fields, key);
    const shown = hide(key, value, secret);
    if (shown === value) continue;
    copy ??= copyOf(fields);
    copy[key] = shown;
  }
  return copy ?? fields;
}

function copyOf(fields: Fields): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key in fields) copy[key] = read(fields, key);
  return copy;
}

function hide(key: string, value: unknown, secret: RegExp): unknown {
  if (value === undefined) return undefined;
  if (secret.test(key)) return redacted;
  if (typeof value !== "object" || value === null) return value;
  try {
    return new Search(secret).of(value);
  } catch {
    return redacted;
  }
}

/** The search through one field. Throws where it cannot go on. */
class Search {
  readonly #secret: RegExp;
  readonly #path: object[] = [];
  #left = maxValues;

  constructor(secret: RegExp) {
    this.#secret = secret;
  }

  /** The value itself if nothing in it is secret, else a copy. */
  of(value: unknown): unknown {
    if (this.#left-- === 0) throw new RangeError("too many values");
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
    if (this.#path.includes(value)) return "(CIRCULAR)";
    if (this.#path.length === maxDepth) throw new RangeError("too deep");
    this.#path.push(value);
    const shown = this.#contents(value);
    this.#path.pop();
    return shown;
  }

  #contents(value: object): unknown {
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") {
      const json: unknown = toJSON.call(value, "");
      if (json !== value) {
        const shown = this.of(json);
        return shown === json ? value : shown;
      }
    }
    if (Array.isArray(value)) return this.#list(value) ?? value;
    if (value instanceof Set) return this.#list(value) ?? value;
    if (value instanceof Map) return this.#entries(value) ?? value;
    const shown = this.#entries(Object.entries(value));
    // Printed by its known parts, an error has none of the properties that hold the secret.
    return shown === undefined ? value : isError(value) ? this.of(errorFields(value)) : Object.fromEntries(shown);
  }

  #list(values: Iterable<unknown>): unknown[] | undefined {
    let changed = false;
    const shown: unknown[] = [];
    for (const value of values) {
      const each = this.of(value);
      changed ||= each !== value;
      shown.push(each);
    }
    return changed ? shown : undefined;
  }

  #entries(entries: Iterable<readonly [unknown, unknown]>): Map<unknown, unknown> | undefined {
    let changed = false;
    const shown = new Map<unknown, unknown>();
    for (const [key, value] of entries) {
      const each = typeof key === "string" && value !== undefined && this.#secret.test(key) ? redacted : this.of(value);
      changed ||= each !== value;
      shown.set(key, each);
    }
    return changed ? shown : undefined;
  }
}
