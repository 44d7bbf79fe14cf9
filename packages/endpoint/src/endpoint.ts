import type { Context } from "./context.ts";

/**
 * One operation: a request in, a response out. Servers expose endpoints, a client is an endpoint, and so is a balancer over
 * many of them.
 *
 * A rejection means that the call itself failed (transport, infrastructure, refusal). A failure that belongs to the business
 * is either a `KitError` with a fitting code or a response that is a {@link Failer}.
 *
 * A stream is an endpoint too: `AsyncIterable` as the request, the response, or both.
 *
 * @see go-kit endpoint/endpoint.go
 */
export type Endpoint<Request = any, Response = any> = (request: Request, ctx: Context) => Promise<Response>;

/**
 * Wraps one endpoint in another. Runs once, when the endpoint is built; what it returns runs on each call.
 *
 * On the hot path return `next(...)`'s own promise or `.then(ok, fail)` of it: an `async` function that only forwards costs about
 * 100 ns a layer.
 */
export type Middleware<Request = any, Response = any> = (
  next: Endpoint<Request, Response>,
) => Endpoint<Request, Response>;

/** A middleware that fits any endpoint and keeps its types: what loggers, limiters and breakers are. */
export type AnyMiddleware = <Request, Response>(next: Endpoint<Request, Response>) => Endpoint<Request, Response>;

/**
 * Composes middlewares into one. The first sees the request first and the response last.
 *
 * The wrapping happens when the result is applied, outside in, so a chain of ten costs what ten closures nested by hand cost.
 */
export function chain(outer: AnyMiddleware, ...inner: AnyMiddleware[]): AnyMiddleware;
export function chain<Request, Response>(
  outer: Middleware<Request, Response>,
  ...inner: Middleware<Request, Response>[]
): Middleware<Request, Response>;
export function chain(outer: Middleware, ...inner: Middleware[]): Middleware {
  return (next) => outer(inner.reduceRight((wrapped, middleware) => middleware(wrapped), next));
}

/** A response that may carry a business failure, which is not a failure of the call: see {@link failureOf}. */
export interface Failer {
  failed(): Error | undefined;
}

/**
 * The business failure that a response carries, if it is a {@link Failer} with one. Tracing and error encoders look at it;
 * breakers and retries do not, as in go-kit.
 */
export function failureOf(response: unknown): Error | undefined {
  const failer = response as Partial<Failer> | null | undefined;
  return typeof failer?.failed === "function" ? failer.failed() : undefined;
}
