/**
 * What each canonical code is on the wires that have their own idea of it: the gRPC status number, the HTTP status and the
 * JSON-RPC code. The sixteen codes are those of gRPC and Connect; there are no others, so that every transport needs this table only.
 *
 * @see https://connectrpc.com/docs/protocol#error-codes
 */
export const codes = {
  canceled: { grpc: 1, http: 499, jsonrpc: -32000 },
  unknown: { grpc: 2, http: 500, jsonrpc: -32603 },
  invalid_argument: { grpc: 3, http: 400, jsonrpc: -32602 },
  deadline_exceeded: { grpc: 4, http: 504, jsonrpc: -32000 },
  not_found: { grpc: 5, http: 404, jsonrpc: -32000 },
  already_exists: { grpc: 6, http: 409, jsonrpc: -32000 },
  permission_denied: { grpc: 7, http: 403, jsonrpc: -32000 },
  resource_exhausted: { grpc: 8, http: 429, jsonrpc: -32000 },
  failed_precondition: { grpc: 9, http: 400, jsonrpc: -32000 },
  aborted: { grpc: 10, http: 409, jsonrpc: -32000 },
  out_of_range: { grpc: 11, http: 400, jsonrpc: -32602 },
  unimplemented: { grpc: 12, http: 501, jsonrpc: -32601 },
  internal: { grpc: 13, http: 500, jsonrpc: -32603 },
  unavailable: { grpc: 14, http: 503, jsonrpc: -32000 },
  data_loss: { grpc: 15, http: 500, jsonrpc: -32603 },
  unauthenticated: { grpc: 16, http: 401, jsonrpc: -32000 },
} as const;

/** One of the sixteen canonical codes. */
export type Code = keyof typeof codes;

/** Marks a `KitError` of any copy of this package; `instanceof` would only know its own. */
const brand = Symbol.for("@kit/endpoint/KitError");

/** What a {@link KitError} may carry besides its code and message. */
export interface KitErrorOptions<Details = unknown> {
  /** Anything JSON can say that helps the caller act; it crosses the wire, so nothing secret. */
  readonly details?: Details | undefined;
  /** The error behind this one. It stays in this process. */
  readonly cause?: unknown;
  /** When a retry may succeed, in ms from now; `Retry-After` on HTTP. */
  readonly retryAfterMs?: number | undefined;
  /** The request never left this process, so a retry cannot run it twice. Said by a client of itself; it does not cross the wire. */
  readonly notSent?: boolean;
}

/**
 * An error whose code, message and details cross every wire. Throw one to tell the caller something; any other error reaches
 * the caller as `unknown`, without its message.
 *
 * Recognise it by {@link codeOf}, never by `instanceof`: two copies of this package may live in one process.
 */
export class KitError<C extends Code = Code, Details = unknown> extends Error {
  readonly code: C;
  declare readonly details?: Details;
  declare readonly retryAfterMs?: number;
  declare readonly notSent?: boolean;

  static {
    // On the prototype: printed errors and their types stay free of it.
    Object.assign(this.prototype, { name: "KitError", [brand]: true });
  }

  constructor(code: C, message: string, options: KitErrorOptions<Details> = {}) {
    super(message, options);
    this.code = code;
    if (options.details !== undefined) this.details = options.details;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.notSent) this.notSent = true;
  }
}

/**
 * A `KitError` without a stack, for refusals that are expected and may come by the thousand (a limit, an open breaker, a
 * deadline): capturing a stack is most of what such an error costs.
 */
export function refusal<C extends Code, Details = unknown>(
  code: C,
  message: string,
  options?: KitErrorOptions<Details>,
): KitError<C, Details> {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new KitError(code, message, options);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** Whether the value is a `KitError`, of this copy of the package or another. */
export function isKitError(value: unknown): value is KitError {
  return (value as Record<symbol, unknown> | null | undefined)?.[brand] === true;
}

/** The code of anything that was thrown: a `KitError`'s own, the one that an abort or a timeout of the platform means, else `unknown`. */
export function codeOf(error: unknown): Code {
  if (isKitError(error)) return error.code;
  const name = (error as Error | null | undefined)?.name;
  return name === "AbortError" ? "canceled" : name === "TimeoutError" ? "deadline_exceeded" : "unknown";
}

/** An error as it crosses a wire. */
export interface WireError {
  readonly code: Code;
  readonly message: string;
  readonly details?: unknown;
  readonly retryAfterMs?: number | undefined;
}

/** What a peer may know of an error: all of a `KitError` but its cause and stack, and of any other error only its code. */
export function toWire(error: unknown): WireError {
  if (!isKitError(error)) {
    const code = codeOf(error);
    return { code, message: code === "unknown" ? "internal error" : code };
  }
  const { code, message, details, retryAfterMs } = error;
  return { code, message, details, retryAfterMs };
}

/**
 * The error that a peer sent, whatever the peer sent: a code that is not one of the sixteen becomes `fallback`, a message that is
 * no string is left out. It has no stack: ours would say nothing of where it failed.
 *
 * @param fallback - the code that the transport's own status means, e.g. `unavailable` for HTTP 503.
 */
export function fromWire(wire: unknown, fallback: Code = "unknown"): KitError {
  const { code, message, details, retryAfterMs } = (wire ?? {}) as Partial<Record<keyof WireError, unknown>>;
  const known = typeof code === "string" && Object.hasOwn(codes, code) ? (code as Code) : fallback;
  return refusal(known, typeof message === "string" ? message : known, {
    details,
    retryAfterMs: typeof retryAfterMs === "number" && retryAfterMs >= 0 ? retryAfterMs : undefined,
  });
}
