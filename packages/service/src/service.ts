import { type Code, codes, type Endpoint } from "@kit/endpoint";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { decoder } from "./decode.ts";

/** One method as its author writes it. */
export interface MethodSpec {
  /** What the method takes. The server decodes with it: a handler sees the schema's output, a caller gives its input. */
  readonly request: StandardSchemaV1;
  /** What it returns. The client decodes with it: a handler returns the schema's input, a caller sees its output. */
  readonly response: StandardSchemaV1;
  /** The failures a caller should expect, by code, each with the schema of its `details`. Read them with {@link declaredError}. */
  readonly errors?: Readonly<Partial<Record<Code, StandardSchemaV1>>>;
  /**
   * Verb and path on HTTP, such as `GET /profiles/{id}`; a name in braces is taken from the request. Without a body (GET, HEAD, DELETE) the
   * other fields travel in the query, as strings. @default `POST /<method>`
   */
  readonly http?: string;
  /** Running it twice does no more than running it once, so a client may retry it freely. @default false */
  readonly idempotent?: boolean;
  /** The longest that a call may take, in ms, on both sides; a caller's nearer deadline stands. @default none, the caller decides */
  readonly timeoutMs?: number;
}

/** What crosses a wire for a value, and back. */
export interface Shape<In = any, Out = any> {
  /** Left out when the value crosses as it is, which is so for anything JSON can say. */
  readonly encode?: (value: In) => unknown;
  /** @throws {KitError} when the peer's value does not fit. */
  readonly decode: (wire: unknown) => Out | Promise<Out>;
}

/**
 * One method as transports and middlewares see it. {@link defineService} makes them from schemas; a transport with an IDL makes
 * them from its descriptor.
 */
export interface Method<Spec extends MethodSpec = MethodSpec> {
  readonly service: string;
  readonly name: string;
  readonly http: string | undefined;
  readonly idempotent: boolean;
  readonly timeoutMs: number | undefined;
  readonly request: Shape;
  readonly response: Shape;
  /** Decodes the details of each declared error. */
  readonly errors: Readonly<Partial<Record<Code, (details: unknown) => unknown>>>;
  /** Only for the compiler. */
  readonly spec?: Spec;
}

/** A contract: names, shapes, options. Both sides import it; it holds no logic and no connection. */
export interface Service<Specs extends Record<string, MethodSpec> = any> {
  readonly name: string;
  readonly methods: { readonly [K in keyof Specs]: Method<Specs[K]> };
}

/** What a server provides: one endpoint a method. */
export type EndpointsOf<S extends Service> =
  S extends Service<infer Specs>
    ? {
        readonly [K in keyof Specs]: Endpoint<
          StandardSchemaV1.InferOutput<Specs[K]["request"]>,
          StandardSchemaV1.InferInput<Specs[K]["response"]>
        >;
      }
    : never;

/** What `connectX` returns: one endpoint a method, seen from the other side. Its own members are its methods alone. */
export type ClientOf<S extends Service> =
  S extends Service<infer Specs>
    ? {
        readonly [K in keyof Specs]: Endpoint<
          StandardSchemaV1.InferInput<Specs[K]["request"]>,
          StandardSchemaV1.InferOutput<Specs[K]["response"]>
        >;
      } & AsyncDisposable
    : never;

/** Refuses a misspelt option, which inference would let pass. */
type OnlyKeysOf<Known, Given> = { readonly [K in Exclude<keyof Given, keyof Known>]: never };

/**
 * Declares a service once, from any Standard Schema validators; every transport then serves it and connects to it.
 *
 * @param name - what it is called on the wire: letters, digits, `_`, `-` and `.`.
 * @throws {TypeError} when a name cannot be one: methods are JavaScript identifiers, and `then` would make a client look like a promise.
 * @see https://standardschema.dev
 */
export function defineService<const Specs extends Record<string, MethodSpec>>(
  name: string,
  specs: Specs & { readonly [K in keyof Specs]: OnlyKeysOf<MethodSpec, Specs[K]> },
): Service<Specs> {
  if (typeof name !== "string" || !/^[A-Za-z][\w-]*(\.[\w-]+)*$/.test(name))
    throw new TypeError(`defineService: "${name}" cannot be a service's name`);
  const methods = Object.entries(specs).map(([method, spec]) => [method, describe(name, method, spec)]);
  return { name, methods: Object.fromEntries(methods) };
}

function describe(service: string, name: string, spec: MethodSpec): Method {
  if (!/^[A-Za-z]\w*$/.test(name) || name === "then" || name in Object.prototype) {
    throw new TypeError(`defineService: "${name}" cannot be a method of ${service}`);
  }
  const { request, response, errors = {}, http, idempotent = false, timeoutMs, ...rest } = spec;
  const strangers = [...Object.keys(rest), ...Object.keys(errors).filter((code) => !Object.hasOwn(codes, code))];
  if (strangers.length > 0)
    throw new TypeError(`defineService: ${service}.${name} cannot have ${strangers.join(", ")}`);
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0)) {
    throw new TypeError(`defineService: timeoutMs of ${service}.${name} must be positive, got ${timeoutMs}`);
  }
  return {
    service,
    name,
    http,
    idempotent,
    timeoutMs,
    request: { decode: decoder(request, "invalid_argument", `${service}.${name}: invalid request`) },
    response: { decode: decoder(response, "internal", `${service}.${name}: invalid response`) },
    errors: Object.fromEntries(
      Object.entries(errors).map(([code, schema]) => [
        code,
        decoder(schema, "internal", `${service}.${name}: invalid details of ${code}`),
      ]),
    ),
  };
}
