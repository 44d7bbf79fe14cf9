import { type Code, codes, type Context, KitError, toWire } from "@kit/endpoint";
import { jsonContentType } from "./json.ts";
import { applyOwn, type HttpReply, type StatusCoder } from "./reply.ts";

/** The code that a status means where nobody said more: what is not listed is `unknown`. */
const codeByStatus: Readonly<Record<number, Code>> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  405: "unimplemented",
  408: "deadline_exceeded",
  409: "aborted",
  412: "failed_precondition",
  413: "resource_exhausted",
  416: "out_of_range",
  422: "invalid_argument",
  429: "resource_exhausted",
  431: "resource_exhausted",
  499: "canceled",
  501: "unimplemented",
  502: "unavailable",
  503: "unavailable",
  504: "deadline_exceeded",
};

/** The code that an HTTP status means when the body does not say. */
export function codeOfStatus(status: number): Code {
  return codeByStatus[status] ?? "unknown";
}

/** A `KitError` whose HTTP status is not the one its code usually has. */
export function statusError(status: number, code: Code, message: string, cause?: unknown): KitError & StatusCoder {
  return Object.assign(new KitError(code, message, { cause }), { statusCode: () => status });
}

/** Turns an error into the reply; there is no context when the call could not begin. */
export type ErrorEncoder = (error: unknown, reply: HttpReply, ctx: Context | undefined) => void | Promise<void>;

/**
 * The default: the code's status and `{"code","message","details"}`, Connect's shape, with `Retry-After` where the error has a hint. An error that is
 * no `KitError` tells the caller nothing but `unknown`. An error may be a StatusCoder or a Headerer.
 */
export function encodeError(error: unknown, reply: HttpReply): void {
  const wire = toWire(error);
  reply.status = codes[wire.code].http;
  reply.headers["content-type"] = jsonContentType;
  if (wire.retryAfterMs !== undefined) reply.headers["retry-after"] = String(Math.ceil(wire.retryAfterMs / 1000));
  applyOwn(error, reply);
  reply.body = JSON.stringify(wire);
}

/**
 * What a go-kit server replies: the bare text of the error as `text/plain`, or its JSON when it can marshal itself (`toJSON`), with 500 unless it is a
 * StatusCoder. The text of **every** error reaches the caller, so this is for peers that need it.
 *
 * @see go-kit transport/http DefaultErrorEncoder
 */
export function encodeErrorPlain(error: unknown, reply: HttpReply): void {
  reply.status = 500;
  reply.headers["content-type"] = "text/plain; charset=utf-8";
  applyOwn(error, reply);
  if (typeof (error as { toJSON?: unknown } | null)?.toJSON === "function") {
    reply.headers["content-type"] = jsonContentType;
    reply.body = JSON.stringify(error);
  } else {
    reply.body = error instanceof Error ? error.message : String(error);
  }
}
