import { contextKey, type Context, type ContextKey } from "@kit/endpoint";
import type { HeaderReader } from "@kit/transport";

/**
 * A request as a server sees it, whether it came through Node's `http`, `http2` or the fetch API. A body can be read once, as one of
 * `bytes`, `text`, `json` and `stream`.
 */
export interface HttpRequest extends HeaderReader {
  readonly method: string;
  /** Path and query as they were sent, still escaped. */
  readonly url: string;
  /** The path of `url`. */
  readonly path: string;
  /** What the braces of the route matched, unescaped; empty without a route. */
  readonly params: Readonly<Record<string, string>>;
  /** The other side's address, where the platform tells. */
  readonly peer: string | undefined;
  /** @throws {KitError} `resource_exhausted` (413) beyond `maxBytes`, `deadline_exceeded` (408) when it does not arrive within `bodyTimeoutMs`. */
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
  /** `undefined` for an empty body. @throws {KitError} `invalid_argument` for what is not JSON, or has a key `__proto__`. */
  json(): Promise<unknown>;
  /** The body as it comes, without a bound: for uploads that are not kept in memory. */
  stream(): AsyncIterable<Uint8Array>;
}

/** Where {@link populateRequestContext} puts the request. */
export const httpRequest: ContextKey<HttpRequest> = contextKey("@kit/transport-http/request");

/** A `before` function for endpoints and middlewares that look at the request itself, as authentication does. @see go-kit PopulateRequestContext */
export function populateRequestContext(ctx: Context, request: HttpRequest): Context {
  return ctx.with(httpRequest, request);
}
