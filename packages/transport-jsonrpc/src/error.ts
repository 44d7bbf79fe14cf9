import { type Code, codes, fromWire, KitError, toWire } from "@kit/endpoint";

/** An error as JSON-RPC says it. @see https://www.jsonrpc.org/specification#error_object */
export interface JsonrpcErrorObject {
  readonly code: number;
  readonly message: string;
  /** Of an error of ours `{"code","details","retryAfterMs"}`. */
  readonly data?: unknown;
}

/** An error that chooses its number itself. @see go-kit transport/http/jsonrpc ErrorCoder */
export interface ErrorCoder {
  errorCode(): number;
}

/** Turns an error into what the caller is told of it. */
export type JsonrpcErrorEncoder = (error: unknown) => JsonrpcErrorObject;

/** The specification's own numbers, with its texts for an error that brings none, and the code that each means where nobody said more. */
const reserved: Readonly<Record<number, readonly [code: Code, text: string]>> = {
  [-32700]: ["invalid_argument", "An error occurred on the server while parsing the JSON text."],
  [-32600]: ["invalid_argument", "The JSON sent is not a valid Request object."],
  [-32601]: ["unimplemented", "The method does not exist / is not available."],
  [-32602]: ["invalid_argument", "Invalid method parameter(s)."],
  [-32603]: ["unknown", "Internal JSON-RPC error."],
};

/** A `KitError` whose number is not the one that its code usually has. */
export function jsonrpcError(
  errorCode: number,
  code: Code,
  message: string,
  options?: { readonly details?: unknown; readonly cause?: unknown },
): KitError & ErrorCoder {
  return Object.assign(new KitError(code, message, options), { errorCode: () => errorCode });
}

/**
 * The default: the number of the error's code, its message, and code, details and hint in `data`. An error that is no `KitError` tells the caller
 * nothing but `unknown`. An error may be an {@link ErrorCoder}.
 */
export function encodeError(error: unknown): JsonrpcErrorObject {
  const { message, ...data } = toWire(error);
  return { code: ownCode(error) ?? codes[data.code].jsonrpc, message, data };
}

/**
 * What a go-kit server replies: the text of **every** error with -32603, unless the error is an {@link ErrorCoder}; for peers that need it.
 *
 * @see go-kit transport/http/jsonrpc DefaultErrorEncoder
 */
export function encodeErrorPlain(error: unknown): JsonrpcErrorObject {
  return { code: ownCode(error) ?? -32603, message: error instanceof Error ? error.message : String(error) };
}

/** The error that a peer sent, whatever it sent: the code is what `data.code` says, else what the number means, else `unknown`. */
export function decodeError(object: unknown): KitError {
  const { code, message, data } = (object ?? {}) as Partial<Record<keyof JsonrpcErrorObject, unknown>>;
  const [fallback, text] = reserved[Number(code)] ?? ["unknown", `JSON-RPC error ${Number(code)}`];
  // Ours; a stranger's data are details of an error that has no code, and perhaps no text.
  if (typeof data === "object" && data !== null && "code" in data) return fromWire({ ...data, message }, fallback);
  return fromWire({ message: message || text, details: data }, fallback);
}

function ownCode(error: unknown): number | undefined {
  const own = error as Partial<ErrorCoder> | null | undefined;
  return typeof own?.errorCode === "function" ? own.errorCode() : undefined;
}
