import { type Context, type ContextKey, contextKey, type Middleware } from "@kit/endpoint";
import type { Meter, Quota } from "./quota.ts";

/** Where a limiter notes for the hooks what the call has left. */
interface Note {
  readonly of: readonly Middleware[];
  quota: Quota | undefined;
}

const noteKey: ContextKey<Note> = contextKey<Note>("@kit/ratelimit/quota");

/** What the hooks write on: a reply of any transport. */
interface HeaderWriter {
  readonly headers: Record<string, string | readonly string[]>;
}

/** For a transport's options of the same names. */
export interface RateLimitHeaders {
  readonly before: (ctx: Context) => Context;
  readonly after: (ctx: Context, reply: HeaderWriter) => void;
}

/**
 * Server hooks that tell every caller what it has left: `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`, whole seconds. A refusal brings
 * them by itself.
 *
 * @param limiters - whose limits to tell of; of several that a call has passed, the one with the fewest calls left.
 * @example
 * const perTenant = keyedLimiter({ key, limit });
 * const told = rateLimitHeaders(perTenant);
 * serveHttp(Add, implement(Add, service, perTenant), { before: [told.before], after: [told.after] })
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-06, the last draft with the three headers that clients read
 */
export function rateLimitHeaders(...limiters: readonly Middleware[]): RateLimitHeaders {
  return {
    before: (ctx) => ctx.with(noteKey, { of: limiters, quota: undefined }),
    after: (ctx, reply) => void Object.assign(reply.headers, quotaHeaders(ctx.get(noteKey)?.quota)),
  };
}

/** A call has passed the limiter: notes what is left, if a server's hooks want to tell it. A client's limiter below them is none of theirs. */
export function noteQuota(ctx: Context, limiter: Middleware, meter: Meter): void {
  if (meter.quota === undefined) return;
  const note = ctx.get(noteKey);
  if (note === undefined || !note.of.includes(limiter)) return;
  const quota = meter.quota();
  if (quota !== undefined && !(note.quota !== undefined && note.quota.remaining <= quota.remaining)) note.quota = quota;
}

export function quotaHeaders(quota: Quota | undefined): Record<string, string> {
  if (quota === undefined) return {};
  return {
    "ratelimit-limit": String(quota.limit),
    "ratelimit-remaining": String(quota.remaining),
    "ratelimit-reset": String(Math.ceil(quota.resetMs / 1_000)),
  };
}
