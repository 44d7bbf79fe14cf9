import { KitError } from "@kit/endpoint";
import type { Method } from "@kit/service";

/** Where a method is found on HTTP. */
export interface Route {
  /** `""` for every verb. */
  readonly verb: string;
  /** The path with `:name` for each field that stands in it. */
  readonly pattern: string;
  /** Those fields. */
  readonly fields: readonly string[];
  /** The other fields travel in the query, since the verb takes no body. */
  readonly query: boolean;
}

const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE"]);

/**
 * The route that a method declares: a verb and a path such as `GET /profiles/{id}`, a path alone for any verb, or nothing for `POST /<method>`.
 *
 * @throws {TypeError} when it is not of that form.
 */
export function routeOf({ service, name, http = `POST /${name}` }: Pick<Method, "service" | "name" | "http">): Route {
  const match = /^(?:([A-Z]+) +)?((?:\/(?:[\w.~-]+|\{[A-Za-z_]\w*\}))+\/?|\/)$/.exec(http);
  if (match === null) {
    throw new TypeError(`${service}.${name}: http must be like "GET /things/{id}", got "${http}"`);
  }
  const [, verb = "", path = ""] = match;
  const fields = Array.from(path.matchAll(/\{(\w+)\}/g), ([, field]) => field!);
  return { verb, pattern: path.replaceAll(/\{(\w+)\}/g, ":$1"), fields, query: bodiless.has(verb) };
}

/** Takes a request apart: the path with its query, and the fields that are not in it. */
export function fillRoute(
  { pattern, fields, query }: Route,
  request: unknown,
): { readonly path: string; readonly rest: unknown } {
  if (fields.length === 0 && !query) return { path: pattern, rest: request };
  const rest: Record<string, unknown> = { ...(request as object) };
  const path = pattern.replaceAll(/:(\w+)/g, (_, field: string) => asSegment(field, rest[field]));
  for (const field of fields) delete rest[field];
  return query ? { path: path + toQuery(rest), rest: undefined } : { path, rest };
}

/** Nothing is no segment, and dots alone would be taken for a step up the path, escaped or not. */
function asSegment(field: string, value: unknown): string {
  const text = asText(field, value);
  if (/^\.{0,2}$/.test(text)) throw new KitError("invalid_argument", `http: the field "${field}" cannot be "${text}"`);
  return encodeURIComponent(text);
}

function toQuery(fields: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, asText(name, one));
  }
  return query.size === 0 ? "" : `?${query.toString()}`;
}

function asText(name: string, value: unknown): string {
  if (!["string", "number", "boolean", "bigint"].includes(typeof value)) throw unfit(name);
  const text = String(value);
  if (!text.isWellFormed()) throw unfit(name);
  return text;
}

function unfit(name: string): KitError {
  return new KitError("invalid_argument", `http: the field "${name}" cannot stand in a path or query`);
}

/** The fields of a query, in the form in which a request has them: a name that comes several times is an array. */
export function fromQuery(url: string): Record<string, string | string[]> {
  const start = url.indexOf("?");
  const fields: Record<string, string | string[]> = {};
  if (start === -1) return fields;
  const query = new URLSearchParams(url.slice(start));
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    Object.defineProperty(fields, name, {
      value: values.length === 1 ? values[0] : values,
      enumerable: true,
    });
  }
  return fields;
}
