import { type Fields, read } from "./logger.ts";

/** Whether the value is an error, of this realm or another. Never throws. */
export function isError(value: object): value is Error {
  try {
    return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
  } catch {
    // A revoked Proxy.
    return false;
  }
}

/** How many causes of causes, and how many errors of an `AggregateError`, are told of in a line. */
const most = 8;

/**
 * An error in one line: its message, then those of its causes, as Go's wrapped errors read. A cause that the message already tells of
 * is left out. An error without a message is named by the errors in it (an `AggregateError` of Node's sockets), or by its name.
 */
export function errorText(error: Error): string {
  let text = ownText(error);
  let { cause } = error;
  for (let i = 0; i < most && cause !== undefined && cause !== null; i++) {
    const part = ownText(cause);
    if (!text.includes(part)) text += `: ${part}`;
    cause = (cause as Error).cause;
  }
  return text;
}

function ownText(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  if (!isError(thrown)) return "";
  if (thrown.message !== "") return thrown.message;
  const { errors } = thrown as AggregateError;
  return Array.isArray(errors) && errors.length > 0 ? errors.slice(0, most).map(ownText).join("; ") : thrown.name;
}

/**
 * An error with all that helps to find its origin, as a plain object: `name`, `message`, `code`, `stack`, and in the same way its `cause`
 * and the `errors` of an `AggregateError`. Other properties are left out, for they are where HTTP clients keep requests, with their
 * credentials. Never throws.
 *
 * For adapters whose driver prints an error as `{}`.
 */
export function errorFields(error: Error): Record<string, unknown> {
  return fieldsOf(error, new Set());
}

/** How many errors one error is told with. */
const mostErrors = 32;

function fieldsOf(error: Error, told: Set<unknown>): Record<string, unknown> {
  told.add(error);
  const fields: Record<string, unknown> = {};
  for (const name of ["name", "message", "code", "stack", "cause", "errors"]) {
    const value = read(error as unknown as Fields, name);
    if (value !== undefined)
      fields[name] = Array.isArray(value) ? value.map((each) => tell(each, told)) : tell(value, told);
  }
  return fields;
}

function tell(value: unknown, told: Set<unknown>): unknown {
  if (typeof value !== "object" || value === null || !isError(value)) return value;
  if (told.has(value)) return "(CIRCULAR)";
  return told.size < mostErrors ? fieldsOf(value, told) : "(TOO MANY)";
}
