import { type Context, contextKey, type ContextKey } from "@kit/endpoint";
import {
  context,
  type Context as OtelContext,
  isSpanContextValid,
  type Span,
  type SpanContext,
  trace,
} from "@opentelemetry/api";

/** OpenTelemetry's context of the call in hand: its span, or what came over the wire, and the baggage. */
export const otelContext: ContextKey<OtelContext> = contextKey("@kit/tracing-otel/context");

/** The context's own, else the active one: what an instrumentation of somebody else's has opened. */
export function otelContextOf(ctx: Context | undefined): OtelContext {
  return ctx?.get(otelContext) ?? context.active();
}

/** The span of the call in hand, to add attributes and events to. One that came over the wire records nothing. */
export function spanOf(ctx: Context): Span | undefined {
  return trace.getSpan(otelContextOf(ctx));
}

/** A child whose calls are children of this span. It stays yours to end. */
export function withSpan(ctx: Context, span: Span): Context {
  return ctx.with(otelContext, trace.setSpan(otelContextOf(ctx), span));
}

/** For logs: the trace that a record's context belongs to, 32 hex digits; bind it, `bind(logger, { trace_id: traceId })`. */
export function traceId(ctx?: Context): string | undefined {
  return spanContextOf(ctx)?.traceId;
}

/** For logs: the span that a record's context belongs to, 16 hex digits. */
export function spanId(ctx?: Context): string | undefined {
  return spanContextOf(ctx)?.spanId;
}

function spanContextOf(ctx: Context | undefined): SpanContext | undefined {
  const found = trace.getSpanContext(otelContextOf(ctx));
  return found !== undefined && isSpanContextValid(found) ? found : undefined;
}
