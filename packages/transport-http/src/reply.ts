import type { HeaderWriter, OutgoingHeaders } from "@kit/transport";

/** Header values by lower-case name; several values of one name as an array. */
export type HttpHeaders = OutgoingHeaders;

/** The reply while it is made; what go-kit's hooks do to a ResponseWriter they do to this. */
export interface HttpReply extends HeaderWriter {
  /** @default 200 */
  status: number;
  /** Nothing, all of it, or its pieces as they come. */
  body: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** A response or an error that chooses its own status. */
export interface StatusCoder {
  statusCode(): number;
}

/** A response or an error that brings headers of its own. */
export interface Headerer {
  headers(): HttpHeaders;
}

/** Lets a response or an error that is a {@link StatusCoder} or a {@link Headerer} have its way with the reply. */
export function applyOwn(value: unknown, reply: HttpReply): void {
  if (typeof value !== "object" || value === null) return;
  const own = value as Partial<StatusCoder & Headerer>;
  if (typeof own.statusCode === "function") reply.status = own.statusCode();
  if (typeof own.headers === "function") Object.assign(reply.headers, own.headers());
}

/** The length of the body in bytes, if it is known before it is sent. */
export function bodyLength({ body }: HttpReply): number | undefined {
  if (body === undefined) return 0;
  if (typeof body === "string") return Buffer.byteLength(body);
  return body instanceof Uint8Array ? body.byteLength : undefined;
}
