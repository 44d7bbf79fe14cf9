import type { Code } from "@kit/endpoint";
import { defineService, type Method, type MethodSpec, type Service } from "@kit/service";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { codecOf, type ThriftCodec, type ThriftModule } from "./codec.ts";

/** What a generated client's method takes and returns, its form with a callback aside. */
type Signature<F> = F extends { (...args: infer A): Promise<infer R>; (...args: any): void } ? readonly [A, R] : never;

type ArgsOf<F> = Signature<F>[0];

/** The methods of a generated client. */
type NameOf<Client> = {
  [K in keyof Client & string]: Client[K] extends (...args: any) => void ? K : never;
}[keyof Client & string];

/** One method as its author adds to what the IDL says of it. */
export interface ThriftMethodSpec<Args extends readonly unknown[] = readonly unknown[]> {
  /** The names of the arguments as the IDL has them, in its order: generated types do not keep them. */
  readonly args: { readonly [I in keyof Args]-?: string };
  /** Validates the arguments on the server, beyond what the IDL says; a handler sees its output. @default what the IDL says */
  readonly request?: StandardSchemaV1;
  /** Validates the result in the client; a caller sees its output. @default what the IDL says */
  readonly response?: StandardSchemaV1;
  /** The failures a caller should expect, by code, besides the exceptions that the IDL declares. @default none */
  readonly errors?: Readonly<Partial<Record<Code, StandardSchemaV1>>>;
  /** Running it twice does no more than running it once, so a client may retry it freely. @default false */
  readonly idempotent?: boolean;
  /** The longest that a call may take, in ms, on both sides; a caller's nearer deadline stands. @default none, the caller decides */
  readonly timeoutMs?: number;
}

type ThriftSpecs<Client> = { readonly [K in NameOf<Client>]: ThriftMethodSpec<ArgsOf<Client[K]>> };

/** An i64 as JavaScript has it. */
export type ThriftI64 = "number" | "bigint";
type Given = number | bigint | Int64Like;
type Read<I64 extends ThriftI64> = I64 extends "bigint" ? bigint : number;

/** The generated code's Int64, whose types not everybody has. */
export interface Int64Like {
  toOctetString(separator?: string): string;
}

/** A generated type as plain data: i64 as `Big`, and what is optional `null` where it is missing. */
type Plain<T, Big> = 0 extends 1 & T
  ? T
  : T extends Int64Like
    ? Big
    : T extends string | number | boolean | bigint | null | undefined | void | Uint8Array
      ? T
      : T extends readonly (infer E)[]
        ? Plain<E, Big>[]
        : { [K in keyof T]: Plain<T[K], Big> | (undefined extends T[K] ? null | undefined : never) };

type Flat<T> = { readonly [K in keyof T]: T[K] };

/** The positions of a tuple, as keys. */
type At<Names extends readonly unknown[]> = Exclude<keyof Names, keyof []> & string;

/** Arguments by name; those that the IDL gives a default, or calls optional, may be left out. */
type Named<Args extends readonly unknown[], Names extends readonly unknown[], Big> = Flat<
  {
    [I in At<Names> as undefined extends Args[I & keyof Args] ? never : Names[I & keyof Names] & string]: Plain<
      Args[I & keyof Args],
      Big
    >;
  } & {
    [I in At<Names> as undefined extends Args[I & keyof Args] ? Names[I & keyof Names] & string : never]?:
      | Plain<Args[I & keyof Args], Big>
      | null
      | undefined;
  }
>;

type SpecOf<F, Spec, I64 extends ThriftI64> = Spec extends { readonly args: infer Names extends readonly unknown[] }
  ? {
      readonly request: Spec extends { readonly request: infer S extends StandardSchemaV1 }
        ? S
        : StandardSchemaV1<Named<ArgsOf<F>, Names, Given>, Named<ArgsOf<F>, Names, Read<I64>>>;
      readonly response: Spec extends { readonly response: infer S extends StandardSchemaV1 }
        ? S
        : StandardSchemaV1<Plain<Signature<F>[1], Given>, Plain<Signature<F>[1], Read<I64>>>;
      readonly errors: Spec extends { readonly errors: infer E } ? E : {};
    }
  : never;

type SpecsOf<Client, Specs, I64 extends ThriftI64> = {
  readonly [K in keyof Specs & keyof Client]: SpecOf<Client[K], Specs[K], I64>;
};

/** One method of a service from an IDL. */
export interface ThriftMethod<Spec extends MethodSpec = MethodSpec> extends Method<Spec> {
  /** Between the transport and the generated code. */
  readonly codec: ThriftCodec;
}

/** A contract made from an IDL, for `implement`, `balancedClient` and all else that takes a service. */
export interface ThriftService<Specs extends Record<string, MethodSpec> = any> extends Service<Specs> {
  readonly methods: { readonly [K in keyof Specs]: ThriftMethod<Specs[K]> };
}

export interface ThriftServiceOptions<I64 extends ThriftI64 = ThriftI64> {
  /**
   * What an i64 is read as: a number, where one beyond ±(2⁵³-1) fails the call with `out_of_range`, or always a bigint. Either may be written. @default "number" —
   * ids and times fit, and arithmetic needs no second kind of number
   */
  readonly i64?: I64;
}

/**
 * Takes a contract from an IDL: a method's arguments become one request, by name, its result the response as it is (`undefined` for void). An exception that the IDL
 * declares is thrown by handlers and reaches callers as itself.
 *
 * @param name - what `callInfo` calls it; it does not cross the wire.
 * @param generated - the module of the service, by `thrift --gen js:node,es6,ts`.
 * @param specs - each method of it, also those of the service that it extends.
 * @throws {TypeError} when the module has no such method, or its arguments are others.
 */
export function thriftService<
  Client extends object,
  const Specs extends ThriftSpecs<Client>,
  I64 extends ThriftI64 = "number",
>(
  name: string,
  generated: ThriftModule<Client>,
  specs: Specs & { readonly [K in Exclude<keyof Specs, NameOf<Client>>]: never },
  options: ThriftServiceOptions<I64> = {},
): ThriftService<SpecsOf<Client, Specs, I64>> {
  const { i64 = "number" } = options;
  if (i64 !== "number" && i64 !== "bigint") throw new TypeError(`thriftService: i64 must be "number" or "bigint"`);
  const codecs = new Map<string, ThriftCodec>();
  const plain = Object.entries<ThriftMethodSpec>(specs).map(([method, { args, request, response, ...rest }]) => {
    const codec = codecOf(generated, method, i64 === "bigint");
    if (!Array.isArray(args) || args.join() !== codec.args.join())
      throw new TypeError(
        `thriftService: args of ${name}.${method} must be [${codec.args.join(", ")}], got [${String(args)}]`,
      );
    codecs.set(method, codec);
    return [method, { request: request ?? anything, response: response ?? anything, ...rest }] as const;
  });
  const { methods } = defineService(name, Object.fromEntries<MethodSpec>(plain));
  const described = Object.values<Method>(methods).map((method) => [
    method.name,
    { ...method, codec: codecs.get(method.name)! },
  ]);
  return { name, methods: Object.fromEntries(described) };
}

/** What the IDL has checked already. */
const anything: StandardSchemaV1 = {
  "~standard": { version: 1, vendor: "kit", validate: (value) => ({ value }) },
};
