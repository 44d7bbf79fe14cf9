/** Whether the value is an error, of this realm or another. */
export function isError(value: object): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

/** How many causes of causes, and how many errors of an `AggregateError`, are told of. */
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
 * An error with all that helps to find its origin, as an object: `name`, `message`, `code`, `stack`, `cause`, and the `errors` of an
 * `AggregateError`. Other properties are left out, for they are where HTTP clients keep requests, with their credentials.
 *
 * For adapters whose driver prints an error as `{}`.
 */
export function errorFields(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  const fields: Record<string, unknown> = { name, message };
  if (code !== undefined) fields["code"] = code;
  if (stack !== undefined) fields["stack"] = stack;
  if (cause !== undefined) fields["cause"] = cause;
  if (Array.isArray(errors)) fields["errors"] = errors;
  return fields;
}
