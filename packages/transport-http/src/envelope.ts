import { type CallInfo, type Context, extract, inject, KitError } from "@kit/endpoint";
import type { IncomingRequest } from "./incoming.ts";
import type { HttpHeaders } from "./reply.ts";
import type { HttpRequest } from "./request.ts";

/** The time left, in ms: what Connect's peers and proxies read. @see https://connectrpc.com/docs/protocol#unary-request */
const timeoutHeader = "connect-timeout-ms";

/** The most that the header can say: ten digits. */
const longestTimeoutMs = 9_999_999_999;

/**
 * Begins an incoming call: as long as its caller bounds it and we allow it, and with what the caller sent along.
 *
 * @throws {KitError} `invalid_argument` for a time that is none.
 */
export function openCall(request: IncomingRequest, maxTimeoutMs: number): Context {
  const wanted = request.header(timeoutHeader);
  if (wanted !== undefined && !/^\d{1,10}$/.test(wanted)) {
    throw new KitError("invalid_argument", `${timeoutHeader}: not a number of milliseconds`);
  }
  const call = request.begin(wanted === undefined ? maxTimeoutMs : Math.min(Number(wanted), maxTimeoutMs));
  return extract(call, (name) => request.header(name));
}

/** Writes deadline and carried values of an outgoing call. */
export function writeEnvelope(ctx: Context, headers: HttpHeaders): void {
  if (ctx.deadline !== undefined) {
    const leftMs = Math.max(0, Math.ceil(ctx.deadline - Date.now()));
    headers[timeoutHeader] = String(Math.min(leftMs, longestTimeoutMs));
  }
  inject(ctx, (name, value) => {
    headers[name] = value;
  });
}

/** Which call this is; the peer is looked up when somebody asks. */
export class HttpCallInfo implements CallInfo {
  readonly service: string;
  readonly method: string;
  readonly transport = "http";
  readonly #request: HttpRequest;

  constructor(service: string, method: string, request: HttpRequest) {
    this.service = service;
    this.method = method;
    this.#request = request;
  }

  get peer(): string | undefined {
    return this.#request.peer;
  }
}
