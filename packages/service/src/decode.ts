import { type Code, KitError } from "@kit/endpoint";
import type { StandardSchemaV1 } from "@standard-schema/spec";

/** A hostile value can fail in a million places; its sender is told of the first few. */
const mostIssues = 16;

/** Validators quote what they were given, so a long value would come back at its whole length. */
const longestText = 256;

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
  const standard = schema?.["~standard"];
  if (typeof standard?.validate !== "function") throw new TypeError(`defineService: ${failure}: not a Standard Schema`);
  const settle = (result: StandardSchemaV1.Result<Out>): Out => {
    if (result.issues === undefined) return result.value;
    const issues = result.issues.slice(0, mostIssues).map(toDecodeIssue);
    const [first] = issues;
    throw new KitError(code, [failure, first?.path, first?.message].filter(Boolean).join(": "), {
      details: { issues },
    });
  };
  return (value) => {
    const result = standard.validate(value);
    return result instanceof Promise ? result.then(settle) : settle(result);
  };
}

function toDecodeIssue({ path = [], message }: StandardSchemaV1.Issue): DecodeIssue {
  // Not path.map: arktype's path is an Array of its own kind, of which an empty one maps to [0].
  const keys = Array.from(path, (segment) => String(typeof segment === "object" ? segment.key : segment));
  return { path: clip(keys.join(".")), message: clip(message) };
}

function clip(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}
