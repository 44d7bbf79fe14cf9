import { type Code, isKitError, KitError } from "@kit/endpoint";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Method } from "./service.ts";

/** The failures that a method declares, as errors a caller can tell apart by `code`. */
export type DeclaredError<M extends Method> =
  M extends Method<infer Spec>
    ? { [C in Code & keyof Spec["errors"]]: WithDetails<C, DetailsOf<Spec["errors"][C]>> }[Code & keyof Spec["errors"]]
    : never;

type WithDetails<C extends Code, Details> = KitError<C, Details> & { readonly details: Details };

type DetailsOf<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Schema> : never;

/** Names the method that decoded an error's details, for all copies of this package. */
const decoded: unique symbol = Symbol.for("@kit/service/declared");

const markOf = (method: Method): string => `${method.service}.${method.name}`;

/**
 * The error, typed, if it is one that the method declares and its details are what they should be.
 *
 * @example
 * const failure = declaredError(Profiles.methods.get, error);
 * if (failure?.code === "not_found") console.log(failure.details.id);
 */
export function declaredError<M extends Method>(method: M, error: unknown): DeclaredError<M> | undefined {
  const declared = isKitError(error) && (error as { [decoded]?: string })[decoded] === markOf(method);
  return declared && error.code in method.errors ? (error as DeclaredError<M>) : undefined;
}

/**
 * For transports, where a failed call enters a client: decodes the details of a declared error. Details that do not fit leave the
 * error as it came, which is then not a declared one.
 *
 * @throws the error, always.
 */
export async function throwDeclared(method: Method, error: unknown): Promise<never> {
  const decode = isKitError(error) ? method.errors[error.code] : undefined;
  if (decode === undefined || !isKitError(error)) throw error;
  let details: unknown;
  try {
    details = await decode(error.details);
  } catch {
    throw error;
  }
  const { code, message, cause, retryAfterMs, notSent = false } = error;
  const options = { details, retryAfterMs, notSent, ...(cause !== undefined && { cause }) };
  throw Object.defineProperty(new KitError(code, message, options), decoded, { value: markOf(method) });
}
