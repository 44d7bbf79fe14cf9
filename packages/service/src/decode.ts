import { type Code, KitError } from "@kit/endpoint";
import type { StandardSchemaV1 } from "@standard-schema/spec";

/** A hostile value can fail in a million places; its sender is told of the first few. */
const mostIssues = 16;

/** One place where a value does not fit its schema; `details.issues` of the error is a list of them. */
export interface DecodeIssue {
  /** Keys from the top of the value, joined by dots; empty for the value itself. */
  readonly path: string;
  readonly message: string;
}

/**
 * A decoder made of a Standard Schema. It answers at once when the validator does, so that a call costs no extra turn of the loop.
 *
 * @param code - of the `KitError` thrown when the value does not fit, with the {@link DecodeIssue}s in `details.issues`.
 */
export function decoder<Out>(
  schema: StandardSchemaV1<unknown, Out>,
  code: Code,
  failure: string,
): (value: unknown) => Out | Promise<Out> {
  const standard = schema["~standard"];
  const settle = (result: StandardSchemaV1.Result<Out>): Out => {
    if (result.issues === undefined) return result.value;
    const issues = result.issues.slice(0, mostIssues).map(toDecodeIssue);
    const [first] = issues;
    throw new KitError(code, `${failure}: ${first?.path ? `${first.path}: ` : ""}${first?.message}`, { details: { issues } });
  };
  return (value) => {
    const result = standard.validate(value);
    return result instanceof Promise ? result.then(settle) : settle(result);
  };
}

function toDecodeIssue({ path = [], message }: StandardSchemaV1.Issue): DecodeIssue {
  return { path: path.map((segment) => String(typeof segment === "object" ? segment.key : segment)).join("."), message };
}
