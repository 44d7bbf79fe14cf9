import type { Context, Endpoint, Middleware } from "@kit/endpoint";
import type { MiddlewareObj } from "@middy/core";
import type { NestInterceptor } from "@nestjs/common";
import { Effect } from "effect";
import type { MiddlewareHandler } from "hono";
import type { Middleware as KoaMiddleware } from "koa-compose";
import type { ActionHandler, Middleware as MoleculerMiddleware } from "moleculer";

// To be imported once for each place it stands for (`./layer.js?3`): an engine learns by place in the code, and ten middlewares of ten
// packages are ten places, where ten closures of one function would be one.

/** The least that an endpoint can do. */
export const echo: Endpoint = async (request) => request;

/** The least that a middleware can do. */
export const through: Middleware = (next) => (request, ctx) => next(request, ctx);

/** The same for koa-compose. */
export const koaThrough: KoaMiddleware<unknown> = (_, next) => next();

/** The same for hono. */
export const honoThrough: MiddlewareHandler = (_, next) => next();

/** The same for middy, whose middlewares are hooks. */
export const middyThrough: MiddlewareObj = { before() {} };

/** The same for Moleculer. */
export const moleculerThrough: MoleculerMiddleware = {
  localAction:
    (next: ActionHandler): ActionHandler =>
    (context) =>
      next(context),
};

/** The same for NestJS. */
export const nestThrough: NestInterceptor = { intercept: (_, handler) => handler.handle() };

/** What an endpoint is to Effect. */
export type Effectful = (request: unknown, ctx: Context) => Effect.Effect<unknown>;

/** The same for Effect. */
export const effectThrough =
  (next: Effectful): Effectful =>
  (request, ctx) =>
    Effect.suspend(() => next(request, ctx));

/** The least that a breaker can do: count. */
export const counting: Middleware = (next) => {
  const counts = { requests: 0, successes: 0, failures: 0 };
  const succeeded = <Response>(response: Response): Response => {
    counts.successes += 1;
    return response;
  };
  const failed = (error: unknown): never => {
    counts.failures += 1;
    throw error;
  };
  return (request, ctx) => {
    counts.requests += 1;
    return next(request, ctx).then(succeeded, failed);
  };
};

/** Makes that many calls that are refused, one after another. */
export async function refusals(endpoint: Endpoint, ctx: Context, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await endpoint(i, ctx).catch(ignore);
}

function ignore(): void {}

/** Makes that many calls one after another, to each endpoint in turn. */
export async function calls(endpoints: readonly Endpoint[], ctx: Context, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await endpoints[i % endpoints.length]!(i, ctx);
}
