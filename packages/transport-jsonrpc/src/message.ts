import { jsonrpcError, type JsonrpcErrorObject } from "./error.ts";

/** What a caller may name its call; echoed as it came. */
export type JsonrpcId = string | number | null;

/** One call of a request. @see https://www.jsonrpc.org/specification#request_object */
export interface JsonrpcCall {
  readonly method: string;
  /** `undefined` where the caller left them out. The specification wants an object or an array; go-kit's clients may send any value, so any is taken. */
  readonly params: unknown;
  /** `undefined` for a notification, which is never answered. */
  readonly id: JsonrpcId | undefined;
}

/** What is answered to one call. @see https://www.jsonrpc.org/specification#response_object */
export type JsonrpcReply =
  | { readonly jsonrpc: "2.0"; readonly result: unknown; readonly id: JsonrpcId }
  | { readonly jsonrpc: "2.0"; readonly error: JsonrpcErrorObject; readonly id: JsonrpcId };

/**
 * Reads one call out of what a stranger sent.
 *
 * @throws {KitError} `invalid_argument`, -32600 on the wire, when it is none.
 */
export function callOf(value: unknown): JsonrpcCall {
  const { jsonrpc, method, params, id } = (value ?? {}) as Record<string, unknown>;
  // go-kit's clients up to 0.10 leave it empty.
  if (jsonrpc !== "2.0" && jsonrpc !== "") throw invalidRequest('jsonrpc: not "2.0"');
  if (typeof method !== "string") throw invalidRequest("method: not a string");
  if (id !== undefined && !isId(id)) throw invalidRequest("id: not a string, a number that keeps its value, or null");
  return { method, params, id };
}

/** The id of what may be no call otherwise. */
export function idOf(value: unknown): JsonrpcId {
  const { id } = (value ?? {}) as { readonly id?: unknown };
  return isId(id) ? id : null;
}

export const invalidRequest = (why: string): Error => jsonrpcError(-32600, "invalid_argument", `request: ${why}`);

function isId(id: unknown): id is JsonrpcId {
  // Beyond 2^53 the parser has changed it already, and the caller would not know it again.
  if (typeof id === "number") return Math.abs(id) <= Number.MAX_SAFE_INTEGER;
  return typeof id === "string" || id === null;
}
