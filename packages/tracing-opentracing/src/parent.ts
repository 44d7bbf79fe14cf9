import { type Context, contextKey, type ContextKey } from "@kit/endpoint";
import type { Span, SpanContext } from "opentracing";

/** What the next span is a child of. */
export interface Parent {
  /** Missing where it is elsewhere, or there is none. */
  readonly span?: Span;
  /** What came over the wire, where it was that. */
  readonly remote?: SpanContext | undefined;
  /** The span is that of a call to somewhere else, so a hook may tag it with where to. */
  readonly outgoing?: boolean;
  /** What came in says this of itself, for the span of the call. */
  readonly tags?: Readonly<Record<string, unknown>>;
}

/** OpenTracing knows no active span, so the context alone has it. */
export const parent: ContextKey<Parent> = contextKey("@kit/tracing-opentracing/parent");

/** The span of the call in hand, to add tags, logs and baggage to. */
export function spanOf(ctx: Context): Span | undefined {
  return ctx.get(parent)?.span;
}

/** A child whose calls are children of this span. It stays yours to finish. */
export function withSpan(ctx: Context, span: Span): Context {
  return ctx.with(parent, { span });
}

/** For logs: the trace that a record's context belongs to, as the tracer writes it; bind it, `bind(logger, { trace_id: traceId })`. Tracers that tell no ids have none. */
export function traceId(ctx?: Context): string | undefined {
  // Tracers older than the method do not have it, and that of the API itself is an empty text.
  return contextOf(ctx?.get(parent))?.toTraceId?.() || undefined;
}

/** For logs: the span that a record's context belongs to. */
export function spanId(ctx?: Context): string | undefined {
  return contextOf(ctx?.get(parent))?.toSpanId?.() || undefined;
}

/** What crosses a wire of it. */
export function contextOf(found: Parent | undefined): SpanContext | undefined {
  return found?.span?.context() ?? found?.remote;
}
