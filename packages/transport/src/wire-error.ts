import { type Code, fromWire, type KitError, toWire } from "@kit/endpoint";
import { parseJson } from "./json.ts";

/** An error as a message says it: its code for a header, and all of it as a body. */
export interface ErrorMessage {
  readonly code: Code;
  /** `{"code","message","details","retryAfterMs"}`, Connect's shape. */
  readonly body: string;
}

/** What a peer is told of an error: a `KitError`'s code, message and details, of any other only that it is `unknown`. Details that JSON cannot say are left out. */
export function encodeWireError(error: unknown): ErrorMessage {
  const wire = toWire(error);
  const { code } = wire;
  try {
    return { code, body: JSON.stringify(wire) };
  } catch {
    return { code, body: JSON.stringify({ ...wire, details: undefined }) };
  }
}

/** The error that a peer sent, whatever it sent. */
export function decodeWireError(code: string, body: string): KitError {
  let wire: unknown;
  try {
    wire = parseJson(body);
  } catch {
    // The header has said what is needed.
  }
  return fromWire({ ...(wire as object | undefined), code });
}

/** What a go-kit server replies by default: `{"err":"…"}`, the text of **every** error, so this is for peers that need it. @see go-kit transport/nats DefaultErrorEncoder */
export function encodePlainError(error: unknown): string {
  return JSON.stringify({ err: error instanceof Error ? error.message : String(error) });
}
