import { type AnyMiddleware, type Context, type ContextKey, contextKey } from "@kit/endpoint";
import { traceId } from "@kit/tracing-otel";
import type { HttpReply } from "@kit/transport-http";

/** Where the span of a call, which is opened below the hooks, is noted for them. */
const note: ContextKey<{ traceId: string | undefined }> = contextKey("@kit-apps/apigateway/trace");

/** Before a call: makes room for the note. */
export function expectTraceId(ctx: Context): Context {
  return ctx.with(note, { traceId: undefined });
}

/** Right inside the span: notes its trace. */
export const noteTraceId: AnyMiddleware = (next) => (request, ctx) => {
  const noted = ctx.get(note);
  if (noted !== undefined) noted.traceId = traceId(ctx);
  return next(request, ctx);
};

/** On every reply, good or bad: whoever complains about one can say which it was. */
export function tellTraceId(ctx: Context, { headers }: Pick<HttpReply, "headers">): void {
  const id = ctx.get(note)?.traceId;
  if (id !== undefined) headers["trace-id"] = id;
}
