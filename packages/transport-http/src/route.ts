import { KitError } from "@kit/endpoint";
import type { Method } from "@kit/service";

/** Where a method is found on HTTP. */
export interface Route {
  /** `""` for every verb. */
  readonly verb: string;
  /** The path in pieces: text, or the name of a field in braces. */
  readonly segments: readonly (string | { readonly field: string })[];
  /** Fields travel in the query, since the verb takes no body. */
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
  const [, verb = "", path] = match;
  const segments = path!
    .slice(1)
    .split("/")
    .map((segment) => (segment.startsWith("{") ? { field: segment.slice(1, -1) } : segment));
  return { verb, segments, query: bodiless.has(verb) };
}

/** Takes a request apart: the path, and the fields that are not in it. */
export function fillRoute(
  { segments, query }: Route,
  request: unknown,
): { readonly path: string; readonly rest: unknown } {
  const named = segments.some((segment) => typeof segment === "object");
  if (!named && !query) return { path: `/${segments.join("/")}`, rest: request };
  const rest: Record<string, unknown> = { ...(request as object) };
  const path = segments.map((segment) => {
    if (typeof segment === "string") return segment;
    const value = asText(segment.field, rest[segment.field]);
    delete rest[segment.field];
    return encodeURIComponent(value);
  });
  return { path: `/${path.join("/")}${query ? toQuery(rest) : ""}`, rest: query ? undefined : rest };
}

function toQuery(fields: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, asText(name, one));
  }
  return query.size === 0 ? "" : `?${query}`;
}

function asText(name: string, value: unknown): string {
  if (["string", "number", "boolean", "bigint"].includes(typeof value) && value !== "") return String(value);
  throw new KitError("invalid_argument", `http: the field "${name}" cannot stand in a path or query`);
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
