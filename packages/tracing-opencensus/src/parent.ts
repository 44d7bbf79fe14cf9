import { type Context, contextKey, type ContextKey } from "@kit/endpoint";
import type { Attributes, Span, SpanContext } from "@opencensus/core";

/** What the next span is a child of. */
export interface Parent {
  /** Missing where it is elsewhere, or there is none. */
  readonly span?: Span;
  /** What came over the wire, where it was that. */
  readonly remote?: SpanContext | undefined;
  /** What came over the wire from whom nobody takes a parent: the next span has a link to it. */
  readonly linked?: SpanContext | undefined;
  /** The span is that of a call to somewhere else, so a hook may say in it where to. */
  readonly outgoing?: boolean;
  /** What came in says this of itself, for the span of the call. */
  readonly attributes?: Attributes;
}

export const parent: ContextKey<Parent> = contextKey("@kit/tracing-opencensus/parent");

/** The span of the call in hand, to add attributes and annotations to. */
export function spanOf(ctx: Context): Span | undefined {
  return ctx.get(parent)?.span;
}

/** A child whose calls are children of this span. It stays yours to end, after them: its end is theirs too. */
export function withSpan(ctx: Context, span: Span): Context {
  return ctx.with(parent, { span });
}

/** For logs: the trace that a record's context belongs to, 32 hex digits; bind it, `bind(logger, { trace_id: traceId })`. */
export function traceId(ctx?: Context): string | undefined {
  return contextOf(ctx?.get(parent))?.traceId;
}

/** For logs: the span that a record's context belongs to, 16 hex digits. */
export function spanId(ctx?: Context): string | undefined {
  return contextOf(ctx?.get(parent))?.spanId;
}

/** What crosses a wire of it. */
export function contextOf(found: Parent | undefined): SpanContext | undefined {
  return found?.span?.spanContext ?? found?.remote;
}
